-- What is looked for in every request is found by an index: whose reference it is, and what has changed elsewhere.

create index reference_household on reference (household);
create index care_changed on care (centre, changed_at);
