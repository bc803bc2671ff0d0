-- A page of what has changed is read in the order of the changes, up to its end: a household's own and those of its care.

create index care_in_order on care (centre, changed_at, household);
drop index care_changed;
