-- A new password opens a name that failures have locked; a disabled account gets none until it is enabled again.
create or replace function access.set_password(p_name text, p_password_hash text)
returns uuid
language sql security definer set search_path = access, pg_temp as $$
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

create function access.enable_account(p_name text)
returns uuid
language sql security definer set search_path = access, pg_temp as $$
    with enabled as (
        update account set disabled_at = null where name = lower(p_name) and disabled_at is not null returning id
    ), audited as (
        insert into audit (actor, action, detail)
        select null, 'account.enabled', jsonb_build_object('account', id) from enabled
    )
    select id from enabled;
$$;

revoke all on function access.enable_account(text) from public;
