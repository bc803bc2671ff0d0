-- A page of the inbox and a page of changes are read in their order, for one reader's place.
drop index item_of_municipality;
drop index item_of_district;
drop index item_of_manager;
drop index item_in_order;
create index item_of_municipality on item (municipality, assigned_at desc, household desc, item desc);
create index item_of_district on item (district, assigned_at desc, household desc, item desc);
create index item_of_manager on item (manager, assigned_at desc, household desc, item desc);
create index item_in_order on item (assigned_at desc, household desc, item desc);
create index item_changes_of_municipality on item (municipality, changed, household, item);
create index item_changes_of_district on item (district, changed, household, item);
