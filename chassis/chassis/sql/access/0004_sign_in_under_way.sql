-- A sign-in whose password was replaced, or whose account was disabled, while it was checked opens no session. What ends
-- an account's sessions locks the account first: only a statement after that sees the session of a sign-in that it waited for.

-- The same as before beside it: processes of the last release call that one.
create function access.open_session(
    p_account uuid, p_password_hash text, p_token_hash bytea, p_idle interval, p_lifetime interval
)
returns boolean
language plpgsql security definer set search_path = access, pg_temp as $$
begin
    perform from account where id = p_account and password_hash = p_password_hash and disabled_at is null for share;
    if not found then
        return false;
    end if;
    perform open_session(p_account, p_token_hash, p_idle, p_lifetime);
    return true;
end
$$;

create or replace function access.set_password(p_name text, p_password_hash text)
returns uuid
language sql security definer set search_path = access, pg_temp as $$
    select from account where name = lower(p_name) for no key update;
    with changed as (
        update account set password_hash = p_password_hash
        where name = lower(p_name) and disabled_at is null
        returning id
    ), ended as (
        delete from session where account in (select id from changed)
    ), opened as (
        delete from attempt
        where name_hash = sha256(convert_to(lower(p_name), 'UTF8')) and exists (select from changed)
    ), audited as (
        insert into audit (actor, action, detail)
        select null, 'account.password_changed', jsonb_build_object('account', id) from changed
    )
    select id from changed;
$$;

create or replace function access.disable_account(p_name text)
returns uuid
language sql security definer set search_path = access, pg_temp as $$
    select from account where name = lower(p_name) for no key update;
    with disabled as (
        update account set disabled_at = now() where name = lower(p_name) and disabled_at is null returning id
    ), ended as (
        delete from session where account in (select id from disabled)
    ), audited as (
        insert into audit (actor, action, detail)
        select null, 'account.disabled', jsonb_build_object('account', id) from disabled
    )
    select id from disabled;
$$;

revoke all on function access.open_session(uuid, text, bytea, interval, interval) from public;
grant execute on function access.open_session(uuid, text, bytea, interval, interval) to geleit_access;
