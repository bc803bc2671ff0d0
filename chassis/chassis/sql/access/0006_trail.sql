-- What was written down of access, for auditors: in the columns of a service's trail, and without a name that was typed.

-- Accounts and keys are made by commands, which no account gives: the transaction says who does, as no function has to.
alter table access.audit add column commanded_by text;
alter table access.audit alter column commanded_by set default nullif(current_setting('geleit.actor', true), '');

-- One account's or key's entries, one person's, and those to forget, among millions.
create index audit_subject on access.audit
    ((coalesce(detail ->> 'account', detail ->> 'key', actor::text, '-')), id);
create index audit_actor on access.audit
    ((coalesce(case when action <> 'sign_in.locked' then actor end::text, commanded_by, 'system')), id);
create index audit_sign_ins on access.audit (at) where action in ('sign_in', 'sign_in.locked', 'sign_out');

-- Whoever fails to sign in need not be whose name it is: it is Geleit that locks a name. Each call is planned for what it
-- asks, else none of the indexes would serve it.
create function access.trail(p_before bigint, p_subject text, p_actor text, p_most integer)
returns table (
    id bigint, at timestamptz, actor text, role text, action text, subject text, details jsonb
)
language plpgsql stable security definer
set search_path = access, pg_temp
set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
begin
    return query
    select e.id, e.at, e.actor, coalesce(x.role, 'system'), e.action, e.subject, e.details
    from (
        select a.id, a.at, a.action,
            case when a.action <> 'sign_in.locked' then a.actor end as account,
            coalesce(case when a.action <> 'sign_in.locked' then a.actor end::text, a.commanded_by, 'system') as actor,
            coalesce(a.detail ->> 'account', a.detail ->> 'key', a.actor::text, '-') as subject,
            a.detail - 'account' - 'key' as details
        from audit as a
    ) as e
    left join account as x on x.id = e.account
    where (p_before is null or e.id < p_before)
        and (p_subject is null or e.subject = p_subject)
        and (p_actor is null or e.actor = p_actor)
    order by e.id desc
    limit p_most;
end
$$;

-- When somebody of the staff came and went is kept for as long as it may take to find out about a misuse. What was done to
-- accounts and keys stays: it explains who may do what. How long is not the caller's to say: every web role may call it.
create function access.forget_sign_ins(p_now timestamptz, p_most integer)
returns setof bigint
language sql security definer set search_path = access, pg_temp as $$
    delete from audit
    where id = any (array(
        select id from audit
        where action in ('sign_in', 'sign_in.locked', 'sign_out') and at < least(p_now, now()) - interval '180 days'
        order by at limit p_most
    ))
    returning id;
$$;

revoke all on function
    access.trail(bigint, text, text, integer),
    access.forget_sign_ins(timestamptz, integer)
from public;
grant execute on function
    access.trail(bigint, text, text, integer),
    access.forget_sign_ins(timestamptz, integer)
to geleit_access;
