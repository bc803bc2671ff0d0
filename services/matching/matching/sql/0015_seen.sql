-- Row-level security asks of each row whether its household's care is seen. A function that asks a table is a statement of
-- its own for each row; written here, it is a part of the reader's. OFFSET keeps it a look by the key: without, a plan that
-- is made before there are statistics may read all cares first.

alter policy web on household using (exists (select from care where care.household = household.id offset 0));
alter policy web on assignment using (exists (select from care where care.household = assignment.household offset 0));
alter policy web on exclusion using (exists (select from care where care.household = exclusion.household offset 0));
alter policy web on decision_link using (exists (select from care where care.household = decision_link.household offset 0));
alter policy web on handover_move using (exists (select from care where care.household = handover_move.household offset 0));
-- Nothing but these policies has called it.
-- squawk-ignore ban-drop-function
drop function sees_household(uuid);
