-- The head of each household's care: what is current, and what an answer is judged by. Folding and
-- answering meet on this row's lock.
create table care (
    household uuid primary key,
    revision integer not null,
    home smallint not null,
    status text not null,
    item integer,
    last_item integer,
    municipality text,
    district text,
    manager uuid,
    answer_by timestamptz,
    answer_seen integer,
    answer_applied text
);

-- One row an inbox item: a function of the newest care alone, so that any replay brings the same rows.
create table item (
    household uuid not null,
    item integer not null,
    home smallint not null,
    revision integer not null,
    municipality text,
    district text,
    status text not null check (status in ('open', 'accepted', 'closed')),
    reason text not null,
    facts jsonb,
    manager uuid not null,
    manager_code text,
    assigned_at timestamptz not null,
    answer_by timestamptz,
    contacted_at timestamptz,
    ended_at timestamptz,
    answer text,
    answer_reason text,
    changed_at timestamptz not null,
    changed xid8 not null default pg_current_xact_id(),
    primary key (household, item)
);
create index item_of_municipality on item (municipality, status, assigned_at desc);
create index item_of_district on item (district, status, assigned_at desc);
create index item_of_manager on item (manager, status, assigned_at desc);
create index item_in_order on item (assigned_at desc, household, item);
create index item_changes on item (changed, household, item);

-- The answers, decided here: one aggregate a household, the newest answer with its revision.
create table response (
    household uuid primary key,
    revision integer not null,
    item integer not null,
    answer text not null,
    reason text,
    answered_at timestamptz not null,
    accepted_at timestamptz,
    contacted_at timestamptz
);

create table manager (
    id uuid primary key,
    revision integer not null,
    code text not null
);

create table municipality (
    ags text primary key,
    revision integer not null,
    name text not null,
    district text not null,
    active boolean not null
);

create table policy (
    id text primary key,
    revision integer not null,
    version text not null,
    remind_after_days smallint not null
);

-- Where a municipality is told of its inbox: an office's address, not a person's.
create table contact_point (
    municipality text primary key,
    address text not null,
    since timestamptz not null
);

create table message (
    id uuid primary key,
    household uuid not null,
    item integer not null,
    kind text not null check (kind in ('proposal', 'reminder')),
    municipality text not null,
    address text not null,
    created_at timestamptz not null,
    next_attempt_at timestamptz not null,
    claimed_at timestamptz,
    attempts integer not null default 0,
    sent_at timestamptz,
    failed_at timestamptz,
    last_error_code text,
    traceparent text
);
create index message_to_send on message (next_attempt_at) where sent_at is null and failed_at is null;
create index message_failed on message (failed_at desc, id) where failed_at is not null;
create index message_of_item on message (household, item);

grant select, insert, update, delete, truncate on care, item, manager, municipality, policy to notifications_worker;
grant select, insert, update, delete on response, contact_point, message to notifications_worker;
grant select on care, item, response, manager, municipality, policy to notifications_web;
-- Only to lock: a row can be locked by who may update some column of it, and no web code writes this one.
grant update (home) on care to notifications_web;
grant insert, update on response to notifications_web;
-- An operator sees how sending goes, not which household or which address it is about.
grant select (id, kind, municipality, created_at, next_attempt_at, attempts, sent_at, failed_at, last_error_code)
on message to notifications_web;
grant update (next_attempt_at, attempts, claimed_at, failed_at, last_error_code) on message to notifications_web;
grant select (municipality, since) on contact_point to notifications_web;

create function sees(its_municipality text, its_district text, its_manager uuid) returns boolean
language sql stable
return case current_setting('geleit.role', true)
    when 'municipality' then its_municipality = current_setting('geleit.tenant', true)
    when 'district' then its_district = current_setting('geleit.tenant', true)
    when 'manager' then its_manager::text = current_setting('geleit.tenant', true)
    else current_setting('geleit.role', true) in ('state', 'auditor')
end;

alter table care enable row level security;
alter table care force row level security;
create policy worker on care to notifications_worker using (true) with check (true);
create policy web on care to notifications_web
using (sees(municipality, district, manager)) with check (sees(municipality, district, manager));

alter table item enable row level security;
alter table item force row level security;
create policy worker on item to notifications_worker using (true) with check (true);
create policy web on item for select to notifications_web using (sees(municipality, district, manager));

alter table response enable row level security;
alter table response force row level security;
create policy worker on response to notifications_worker using (true) with check (true);
-- Who sees an item of the household sees its answer; the subquery is held to the reader as well.
create policy web on response to notifications_web
using (exists (select from item where item.household = response.household))
with check (exists (select from item where item.household = response.household));

alter table message enable row level security;
alter table message force row level security;
create policy worker on message to notifications_worker using (true) with check (true);
create policy web on message to notifications_web
using (current_setting('geleit.role', true) in ('operator', 'auditor'))
with check (current_setting('geleit.role', true) = 'operator');

-- The inbox as people read it: an answer that matching has not seen yet already shows.
create view inbox with (security_invoker = true) as
select
    i.household,
    i.item,
    i.home,
    i.revision,
    i.municipality,
    m.name as municipality_name,
    i.district,
    case
        when given.fate = 'pending' then
            case r.answer
                when 'declined' then 'declined'
                when 'closed' then 'closed'
                when 'undone' then 'open'
                else 'accepted'
            end
        when given.undoable then 'declined'
        else i.status
    end as status,
    i.reason,
    i.facts,
    i.manager,
    coalesce(g.code, i.manager_code) as manager_code,
    i.assigned_at,
    i.answer_by,
    coalesce(r.contacted_at, i.contacted_at) as contacted_at,
    i.ended_at,
    coalesce(r.answer, i.answer) as answer,
    case when r.answer is null then i.answer_reason else r.reason end as answer_reason,
    r.answered_at,
    r.accepted_at,
    given.fate,
    coalesce(given.undoable, false) as undoable,
    c.item as current_item,
    i.changed_at,
    i.changed
from item i
left join care c on c.household = i.household
left join response r on r.household = i.household and r.item = i.item
left join manager g on g.id = i.manager
left join municipality m on m.ags = i.municipality
cross join lateral (
    select
        case
            when r.household is null then null
            when c.answer_seen >= r.revision then c.answer_applied
            when c.household is null then null
            else 'pending'
        end as fate
) seen
cross join lateral (
    select
        seen.fate,
        r.answer = 'declined'
        and seen.fate is distinct from 'stale'
        and (c.item = i.item or (c.status = 'waiting' and c.last_item = i.item)) as undoable
) given;
grant select on inbox to notifications_worker, notifications_web;
