-- Roster, households, who cares for whom, and why.

-- What decisions stand on besides loads: roster, absences, policy, register. Who decides holds the row for share,
-- who changes any of them for update: so nobody decides on what is being changed, and a cache knows when it is old.
create table basis (
    only_row boolean primary key default true check (only_row),
    version uuid not null
);
insert into basis (version) values (gen_random_uuid());

create table policy (
    revision integer primary key,
    id text not null,
    version text not null unique,
    body jsonb not null,
    published_at timestamptz not null
);

create table municipality (
    ags text primary key,
    revision bigint not null,
    name text not null,
    district text not null,
    district_name text not null,
    latitude double precision,
    longitude double precision,
    active boolean not null
);

create table provider (
    code text primary key,
    name text not null
);

create table manager (
    id uuid primary key,
    revision bigint not null,
    code text not null,
    provider text not null references provider (code),
    status text not null,
    name_key bytea,
    name_box bytea,
    fte_hundredths integer not null check (fte_hundredths between 0 and 100),
    capacity integer not null check (capacity >= 0),
    base_load integer not null check (base_load >= 0),
    load integer not null check (load >= base_load),
    -- Units above capacity that a cut, a correction or a person's decision has put there; matching never adds to them.
    tolerated integer not null default 0 check (tolerated >= 0),
    languages text[] not null,
    skills text[] not null,
    service_area text[] not null,
    office text,
    active_from date not null,
    active_until date,
    changed_at timestamptz not null,
    unique (provider, code),
    check (load <= capacity + tolerated)
);
create index manager_service_area on manager using gin (service_area);

create table absence (
    id uuid primary key,
    manager uuid not null references manager (id),
    since date not null,
    until date,
    check (until >= since)
);
create index absence_manager on absence (manager);

create table household (
    id uuid primary key,
    home integer not null,
    revision bigint not null,
    status text not null,
    registered_at timestamptz not null,
    facts jsonb,
    -- The facts of the revision before: only an update in place can tell what it changed.
    facts_before jsonb,
    traceparent text
);

create table care (
    household uuid primary key references household (id),
    revision bigint not null,
    household_revision bigint not null,
    status text not null,
    reason text not null,
    municipality text,
    district text,
    registered_at timestamptz not null,
    decided_at timestamptz not null,
    manager uuid references manager (id),
    item bigint,
    weight integer not null check (weight >= 0),
    -- What the case would weigh, also where nobody carries it yet.
    needs integer not null,
    waiting_since timestamptz,
    assigned_at timestamptz,
    answer_by timestamptz,
    answered_at timestamptz,
    contacted_at timestamptz,
    ended_at timestamptz,
    policy text,
    receipt bytea,
    last_answer jsonb,
    check ((status in ('proposed', 'confirmed')) = (manager is not null)),
    check ((manager is null) = (item is null)),
    check (manager is not null or weight = 0)
);
create index care_waiting on care (municipality, registered_at, household) where status = 'waiting';
create index care_manager on care (manager) where manager is not null;
create index care_status on care (status, registered_at, household);
create index care_district on care (district, status);

create table assignment (
    household uuid not null references household (id),
    item bigint not null,
    manager uuid not null references manager (id),
    assigned_at timestamptz not null,
    ended_at timestamptz,
    status text,
    reason text,
    answer text,
    answer_reason text,
    primary key (household, item)
);
create unique index assignment_one_active on assignment (household) where ended_at is null;

create table exclusion (
    household uuid not null references household (id),
    manager uuid not null references manager (id),
    item bigint not null,
    reason text,
    since timestamptz not null,
    primary key (household, manager)
);

create table chain_head (
    district text primary key,
    position bigint not null,
    hash bytea not null
);

create table decision (
    district text not null,
    position bigint not null,
    hash bytea not null,
    receipt bytea not null,
    decided_at timestamptz not null,
    primary key (district, position)
);

-- Says whose a decision is. Erasure deletes it: the chain still verifies, and nobody knows any more of whom it speaks.
create table decision_link (
    household uuid not null references household (id),
    revision bigint not null,
    district text not null,
    position bigint not null,
    primary key (household, revision),
    foreign key (district, position) references decision (district, position)
);

-- Every input that was applied, in the order of commits among those that touch the same rows. The payload does not
-- say whose it is; the aggregate does, until erasure takes it away.
create table stimulus (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    kind text not null,
    aggregate text,
    revision bigint,
    payload jsonb not null
);
create index stimulus_aggregate on stimulus (aggregate);

grant select on policy, municipality to matching_worker, matching_web;
grant insert, update on policy, municipality to matching_worker;
grant select, update on basis to matching_worker, matching_web;
grant select, insert, update on provider, manager, household, care, assignment, chain_head
    to matching_worker, matching_web;
grant select, insert, update, delete on absence, exclusion, decision_link to matching_worker, matching_web;
grant select, insert on decision to matching_worker, matching_web;
grant select, insert on stimulus to matching_worker;
grant update (aggregate) on stimulus to matching_worker;
grant insert on stimulus to matching_web;

-- The web role sees the cases of its tenant only, and writes none beyond them.
create function sees_case(district text, municipality text, manager uuid) returns boolean
    language sql stable
    return case current_setting('geleit.role', true)
        when 'state' then true
        when 'auditor' then true
        when 'district' then coalesce(district = current_setting('geleit.tenant', true), false)
        when 'municipality' then coalesce(municipality = current_setting('geleit.tenant', true), false)
        when 'manager' then coalesce(manager::text = current_setting('geleit.tenant', true), false)
        else false
    end;

alter table care enable row level security;
alter table care force row level security;
create policy worker on care to matching_worker using (true) with check (true);
create policy web on care to matching_web using (sees_case(district, municipality, manager));

create function sees_household(id uuid) returns boolean
    language sql stable
    return exists (select from care where household = id);

alter table household enable row level security;
alter table household force row level security;
create policy worker on household to matching_worker using (true) with check (true);
create policy web on household to matching_web using (sees_household(id));

alter table assignment enable row level security;
alter table assignment force row level security;
create policy worker on assignment to matching_worker using (true) with check (true);
create policy web on assignment to matching_web using (sees_household(household));

alter table exclusion enable row level security;
alter table exclusion force row level security;
create policy worker on exclusion to matching_worker using (true) with check (true);
create policy web on exclusion to matching_web using (sees_household(household));

alter table decision_link enable row level security;
alter table decision_link force row level security;
create policy worker on decision_link to matching_worker using (true) with check (true);
create policy web on decision_link to matching_web using (sees_household(household));

alter table decision enable row level security;
alter table decision force row level security;
create policy worker on decision to matching_worker using (true) with check (true);
create policy web on decision to matching_web using (
    exists (
        select from decision_link link
        where link.district = decision.district and link.position = decision.position
    )
) with check (true);
