-- Allotment: a district gives its households that have no municipality one, by the quota ledger.

-- Allotted: by a district, so that a centre that states no municipality takes nothing back. District and municipality
-- stand in columns, for a policy lets no index be used by an operator of JSON, which might leak in an error.
-- They are generated, so that a process of the version before writes them too; the table is rewritten once for it.
alter table household
    add column allotted boolean not null default false,
    -- squawk-ignore adding-field-with-default
    add column district text generated always as (facts ->> 'district') stored,
    -- squawk-ignore adding-field-with-default
    add column municipality text generated always as (facts ->> 'municipality') stored;

-- A district's households without a municipality, oldest first, and how many each municipality has.
create index household_district on household (district, municipality, registered_at, id)
where status in ('active', 'departed');

-- Where a municipality stood when its key last changed: millionths of a household, and the households it had then.
create table quota_account (
    municipality text primary key references municipality (ags),
    district text not null,
    opening bigint not null,
    before integer not null
);
create index quota_account_district on quota_account (district);

-- How many rounds a district has confirmed: who confirms names the one they saw, and the row is the lock.
create table quota_round (
    district text primary key check (district ~ '^08[0-9]{3}$'),
    number integer not null
);

grant select, insert, update on quota_account, quota_round to intake_worker;
grant select on quota_account to intake_web;
grant select, insert, update on quota_round to intake_web;

create function allots(of_district text) returns boolean
language sql stable
return case current_setting('geleit.role', true)
    when 'district' then coalesce(of_district = current_setting('geleit.tenant', true), false)
    when 'state' then true
    else false
end;

alter table quota_account enable row level security;
alter table quota_account force row level security;
alter table quota_round enable row level security;
alter table quota_round force row level security;

create policy worker on quota_account to intake_worker using (true) with check (true);
create policy worker on quota_round to intake_worker using (true) with check (true);
create policy district on quota_account for select to intake_web using (allots(district));
create policy district on quota_round to intake_web using (allots(district)) with check (allots(district));

create policy district on household for select to intake_web using (allots(district));
create policy district_allots on household for update to intake_web
using (allots(district)) with check (allots(district));

-- Whoever changes a household locks its reference first, a district too.
create policy district on reference for select to intake_web
using (
    current_setting('geleit.role', true) in ('district', 'state')
    and exists (select from household where household.id = reference.household)
);
create policy district_locks on reference for update to intake_web
using (
    current_setting('geleit.role', true) in ('district', 'state')
    and exists (select from household where household.id = reference.household)
)
with check (false);
