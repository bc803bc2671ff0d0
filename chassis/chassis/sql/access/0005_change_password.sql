-- Whoever has been checked against this hash gives the account another: all its sessions end, and a new one begins.
create function access.change_password(
    p_account uuid, p_password_hash text, p_new_hash text, p_token_hash bytea, p_idle interval, p_lifetime interval
)
returns boolean
language plpgsql security definer set search_path = access, pg_temp as $$
begin
    perform from account where id = p_account and password_hash = p_password_hash and disabled_at is null
    for no key update;
    if not found then
        return false;
    end if;
    update account set password_hash = p_new_hash where id = p_account;
    delete from session where account = p_account;
    insert into audit (actor, action, detail)
    values (p_account, 'account.password_changed', jsonb_build_object('account', p_account));
    perform open_session(p_account, p_token_hash, p_idle, p_lifetime);
    return true;
end
$$;

revoke all on function access.change_password(uuid, text, text, bytea, interval, interval) from public;
grant execute on function access.change_password(uuid, text, text, bytea, interval, interval) to geleit_access;
