-- Keys that somebody has used in the last week and that end within a time, or have ended: whoever uses them does not know.
create function access.keys_ending(p_within interval)
returns table (role text, keys bigint)
language sql stable security definer set search_path = access, pg_temp as $$
    select role, count(*)
    from api_key
    where revoked_at is null and used_at > now() - interval '7 days' and expires_at < now() + p_within
    group by role;
$$;

revoke all on function access.keys_ending(interval) from public;
grant execute on function access.keys_ending(interval) to geleit_access;
