-- One row a household, each topic's columns beside its own revision: the topics have no order between
-- them, so a row may begin with any of the three.
create table household (
    id uuid primary key,

    revision integer not null default 0,
    status text,
    registered_at timestamptz,
    centre text,
    stated_district text,
    stated_municipality text,
    persons smallint,

    care_revision integer not null default 0,
    care_status text,
    care_reason text,
    care_district text,
    care_municipality text,
    manager uuid,
    weight integer not null default 0,
    care_registered_at timestamptz,
    first_assigned_at timestamptz,
    declines smallint not null default 0,

    response_revision integer not null default 0,
    answer text,
    answer_reason text,
    answered_at timestamptz,

    day date generated always as (
        (coalesce(registered_at, care_registered_at) at time zone 'Europe/Berlin')::date
    ) stored,
    district text generated always as (coalesce(stated_district, care_district)) stored,
    assigned_after_ms double precision generated always as (
        extract(epoch from first_assigned_at - coalesce(registered_at, care_registered_at)) * 1000
    ) stored,
    outcome text generated always as (
        case
            when status is not null and status <> 'active' then status
            when care_status in ('proposed', 'confirmed') then 'assigned'
            else coalesce(care_status, 'undecided')
        end
    ) stored
);
create index household_by_day on household (day, district);
create index household_by_manager on household (manager) include (weight) where manager is not null;

create table manager (
    id uuid primary key,
    revision integer not null,
    code text not null,
    provider text not null,
    status text not null,
    fte_hundredths smallint not null,
    capacity integer not null,
    base_load integer not null,
    service_area text[] not null,
    active_from date not null,
    active_until date
);

create table municipality (
    ags text primary key,
    revision integer not null,
    name text not null,
    district text not null,
    district_name text not null,
    population integer not null,
    active boolean not null
);
create index municipality_by_district on municipality (district);

create table policy (
    id text primary key,
    revision integer not null,
    version text not null,
    units_per_fte integer not null
);

grant select, insert, update, delete, truncate on household, manager, municipality, policy to reporting_worker;
grant select on household, manager, municipality, policy to reporting_web;

-- The other three tables tell of posts, towns and rules, which every reader of figures may see.
alter table household enable row level security;
alter table household force row level security;
create policy worker on household to reporting_worker using (true) with check (true);
create policy web on household for select to reporting_web using (
    case current_setting('geleit.role', true)
        when 'district' then coalesce(stated_district, care_district) = current_setting('geleit.tenant', true)
        when 'municipality' then
            coalesce(stated_municipality, care_municipality) = current_setting('geleit.tenant', true)
        when 'centre' then centre = current_setting('geleit.tenant', true)
        else current_setting('geleit.role', true) in ('state', 'operator', 'auditor')
    end
);

-- A manager's load is that of all cases, also of those a reader may not see one by one: the view reads with
-- its owner's rights, for whom FORCE asks for a policy too.
create policy owner on household for select to current_user using (true);
create view manager_load as
select manager, sum(weight)::bigint as units from household where manager is not null group by manager;
grant select on manager_load to reporting_worker, reporting_web;
