-- Accounts, sessions and API keys. Nothing touches the tables but the functions below; the web roles may only
-- call those that a request needs, the owner (the command line) calls the others.

create schema access;

do $$
begin
    if not exists (select from pg_roles where rolname = 'geleit_access') then
        create role geleit_access nologin;
    end if;
end
$$;

create table access.account (
    id uuid primary key default gen_random_uuid(),
    name text not null unique check (name = lower(name) and length(name) between 1 and 100),
    password_hash text not null,
    role text not null check (role in ('centre', 'municipality', 'manager', 'district', 'state', 'operator', 'auditor')),
    tenant text not null check (length(tenant) between 1 and 100),
    created_at timestamptz not null default now(),
    disabled_at timestamptz
);

create table access.session (
    token_hash bytea primary key,
    account uuid not null references access.account (id) on delete cascade,
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    idle interval not null,
    expires_at timestamptz not null
);
create index session_account on access.session (account);
create index session_expires_at on access.session (expires_at);

create table access.api_key (
    id uuid primary key default gen_random_uuid(),
    prefix text not null,
    secret_hash bytea not null unique,
    label text not null check (length(label) between 1 and 200),
    role text not null check (role in ('centre', 'municipality', 'manager', 'district', 'state', 'operator', 'auditor')),
    tenant text not null check (length(tenant) between 1 and 100),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null check (expires_at > created_at),
    revoked_at timestamptz,
    used_at timestamptz
);
create index api_key_scope on access.api_key (role, tenant);

-- Failed attempts are counted by the digest of what was typed as a name, so that unknown names are throttled
-- like known ones, and a password typed into the wrong field is not kept.
create table access.attempt (
    name_hash bytea primary key,
    failures integer not null,
    last_at timestamptz not null,
    locked_until timestamptz
);
create index attempt_last_at on access.attempt (last_at);

create table access.audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    actor uuid,
    action text not null,
    detail jsonb not null default '{}'
);

-- Counts the attempt before the password is checked: attempts that run at the same time cannot outrun the lock.
-- Five are free; then the name is locked for 30 seconds, doubling with each further failure, at most an hour.
create function access.begin_sign_in(
    p_name text, out account uuid, out password_hash text, out locked_until timestamptz
)
language plpgsql security definer set search_path = access, pg_temp as $$
#variable_conflict use_column
declare
    v_hash bytea := sha256(convert_to(lower(p_name), 'UTF8'));
    v_now timestamptz := clock_timestamp();
    v_attempt access.attempt;
begin
    delete from attempt where attempt.last_at < v_now - interval '1 day';
    insert into attempt as a (name_hash, failures, last_at) values (v_hash, 0, v_now)
    on conflict (name_hash) do update set name_hash = excluded.name_hash
    returning a.* into v_attempt;

    if v_attempt.locked_until > v_now then
        begin_sign_in.locked_until := v_attempt.locked_until;
        return;
    end if;

    update attempt as a
    set failures = a.failures + 1,
        last_at = v_now,
        locked_until = case
            when a.failures >= 4
            then v_now + least(interval '30 seconds' * power(2, least(a.failures - 4, 7)), interval '1 hour')
        end
    where a.name_hash = v_hash;

    select x.id, x.password_hash into begin_sign_in.account, begin_sign_in.password_hash
    from account as x where x.name = lower(p_name) and x.disabled_at is null;

    if v_attempt.failures >= 4 then
        insert into audit (actor, action, detail)
        values (begin_sign_in.account, 'sign_in.locked', jsonb_build_object('failures', v_attempt.failures + 1));
    end if;
end
$$;

create function access.open_session(p_account uuid, p_token_hash bytea, p_idle interval, p_lifetime interval)
returns void
language plpgsql security definer set search_path = access, pg_temp as $$
begin
    delete from session where expires_at < now();
    delete from attempt
    where name_hash = (select sha256(convert_to(name, 'UTF8')) from account where id = p_account);
    insert into session (token_hash, account, idle, expires_at)
    values (p_token_hash, p_account, p_idle, now() + p_lifetime);
    insert into audit (actor, action) values (p_account, 'sign_in');
end
$$;

create function access.close_session(p_token_hash bytea)
returns void
language sql security definer set search_path = access, pg_temp as $$
    with closed as (delete from session where token_hash = p_token_hash returning account)
    insert into audit (actor, action) select account, 'sign_out' from closed;
$$;

-- Who a session's token belongs to, or no row; the time it was seen is written at most once a minute.
create function access.session_principal(p_token_hash bytea)
returns table (id uuid, name text, role text, tenant text)
language plpgsql security definer set search_path = access, pg_temp as $$
#variable_conflict use_column
begin
    update session as s set seen_at = now()
    where s.token_hash = p_token_hash and s.seen_at < now() - interval '1 minute' and s.seen_at > now() - s.idle;
    return query
    select a.id, a.name, a.role, a.tenant
    from session as s
    join account as a on a.id = s.account
    where s.token_hash = p_token_hash
        and s.expires_at > now() and s.seen_at > now() - s.idle and a.disabled_at is null;
end
$$;

create function access.key_principal(p_secret_hash bytea)
returns table (id uuid, name text, role text, tenant text)
language plpgsql security definer set search_path = access, pg_temp as $$
#variable_conflict use_column
begin
    update api_key as k set used_at = now()
    where k.secret_hash = p_secret_hash and (k.used_at is null or k.used_at < now() - interval '1 minute');
    return query
    select k.id, k.label, k.role, k.tenant from api_key as k
    where k.secret_hash = p_secret_hash and k.revoked_at is null and k.expires_at > now();
end
$$;

create function access.create_account(p_name text, p_password_hash text, p_role text, p_tenant text)
returns uuid
language sql security definer set search_path = access, pg_temp as $$
    with created as (
        insert into account (name, password_hash, role, tenant)
        values (lower(p_name), p_password_hash, p_role, p_tenant)
        returning id, role, tenant
    ), audited as (
        insert into audit (actor, action, detail)
        select null, 'account.created', jsonb_build_object('account', id, 'role', role, 'tenant', tenant)
        from created
    )
    select id from created;
$$;

create function access.set_password(p_name text, p_password_hash text)
returns uuid
language sql security definer set search_path = access, pg_temp as $$
    with changed as (
        update account set password_hash = p_password_hash where name = lower(p_name) returning id
    ), ended as (
        delete from session where account in (select id from changed)
    ), audited as (
        insert into audit (actor, action, detail)
        select null, 'account.password_changed', jsonb_build_object('account', id) from changed
    )
    select id from changed;
$$;

create function access.disable_account(p_name text)
returns uuid
language sql security definer set search_path = access, pg_temp as $$
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

-- Two keys of a scope are valid at once, so that a new one can be rolled out before the old one ends.
create function access.issue_key(
    p_role text, p_tenant text, p_label text, p_prefix text, p_secret_hash bytea, p_lifetime interval
)
returns uuid
language plpgsql security definer set search_path = access, pg_temp as $$
declare
    v_id uuid;
begin
    perform pg_advisory_xact_lock(hashtextextended('access.api_key ' || p_role || ' ' || p_tenant, 0));
    if (
        select count(*) from api_key
        where role = p_role and tenant = p_tenant and revoked_at is null and expires_at > now()
    ) >= 2 then
        raise exception 'two keys of this scope are valid already' using errcode = 'GL001';
    end if;
    insert into api_key (prefix, secret_hash, label, role, tenant, expires_at)
    values (p_prefix, p_secret_hash, p_label, p_role, p_tenant, now() + p_lifetime)
    returning id into v_id;
    insert into audit (actor, action, detail)
    values (null, 'key.issued', jsonb_build_object('key', v_id, 'role', p_role, 'tenant', p_tenant));
    return v_id;
end
$$;

create function access.revoke_key(p_id uuid)
returns boolean
language sql security definer set search_path = access, pg_temp as $$
    with revoked as (
        update api_key set revoked_at = now() where id = p_id and revoked_at is null returning id
    ), audited as (
        insert into audit (actor, action, detail)
        select null, 'key.revoked', jsonb_build_object('key', id) from revoked
    )
    select exists (select from revoked);
$$;

create function access.list_keys(p_role text, p_tenant text)
returns table (
    id uuid, prefix text, label text, role text, tenant text,
    created_at timestamptz, expires_at timestamptz, revoked_at timestamptz, used_at timestamptz
)
language sql stable security definer set search_path = access, pg_temp as $$
    select id, prefix, label, role, tenant, created_at, expires_at, revoked_at, used_at
    from api_key
    where (p_role is null or role = p_role) and (p_tenant is null or tenant = p_tenant)
    order by created_at, id;
$$;

revoke all on schema access from public;
revoke all on all tables in schema access from public;
revoke all on all functions in schema access from public;

grant usage on schema access to geleit_access;
grant execute on function
    access.begin_sign_in(text),
    access.open_session(uuid, bytea, interval, interval),
    access.close_session(bytea),
    access.session_principal(bytea),
    access.key_principal(bytea)
to geleit_access;
