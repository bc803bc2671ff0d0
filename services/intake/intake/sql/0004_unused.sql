-- Nothing is looked for by these, and each offer wrote two of them.

drop index verdict_centre;
drop index verdict_outcome;
drop index quota_account_district;
