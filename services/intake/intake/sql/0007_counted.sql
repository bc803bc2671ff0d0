-- What each municipality of a district has is counted with each view of its ledger: with the centre, of which row-level
-- security asks, the index alone has the answer.

drop index household_district;
create index household_district on household (district, municipality, registered_at, id) include (centre)
where status in ('active', 'departed');
