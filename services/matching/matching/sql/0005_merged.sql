-- Into which household another was merged: who has cared for either knows the family.

alter table household add column merged_into uuid;
create index household_merged_into on household (merged_into) where merged_into is not null;
