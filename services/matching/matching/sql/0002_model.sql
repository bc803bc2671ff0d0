-- What the model of loads, turns and receipts that replay needs beyond the first one.

-- Tables in the order in which workers lock them. An owner who is no superuser is held by row-level security too,
-- and would see no row to change.
alter table household no force row level security;

-- Stands for the household in receipts and stimuli; erasure gives it another one, and nothing leads back.
alter table household add column alias uuid;
alter table household alter column alias set default gen_random_uuid();
update household set alias = gen_random_uuid();
update stimulus as s set aggregate = h.alias::text from household h where s.aggregate = h.id::text;
alter table household force row level security;
create index household_family_group on household ((facts ->> 'family_group')) where facts ? 'family_group';

-- Since when a household counts as waiting, by the policy's priorities; a process of before leaves it empty.
alter table care add column turn timestamptz;
create index care_turn on care (municipality, coalesce(turn, waiting_since), household)
    where status = 'waiting' and reason not in ('parked', 'to_be_reassessed');

-- New cases of a week: `new_cases` counts for the week that began on `week`.
alter table manager
    add column max_new_per_week integer check (max_new_per_week >= 0),
    add column week date not null default '2017-12-04',
    add column new_cases integer not null default 0;

-- The transaction that applied an input; its receipts carry the same id.
alter table stimulus add column batch uuid;
create index stimulus_batch on stimulus (batch);
alter table decision add column batch uuid;
create index decision_batch on decision (batch);

grant update (alias) on household to matching_worker;
grant select on stimulus to matching_worker;
