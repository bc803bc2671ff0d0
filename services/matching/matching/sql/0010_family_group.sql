-- Relatives are looked for by pages too, which plan handovers. Row-level security lets no index of an expression on JSON
-- be searched: that of a column it does. Zeros alone, as software writes them where nothing is set, are nobody's.

alter table household add column family_group text
    -- squawk-ignore adding-field-with-default
    generated always as (nullif(facts ->> 'family_group', '00000000-0000-0000-0000-000000000000')) stored;
drop index household_family_group;
create index household_family_group on household (family_group) where family_group is not null;

-- Waiting lists are read by `care_turn` and `care_shown_waiting`.
drop index care_waiting;
