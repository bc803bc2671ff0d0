-- Households at the last of their own changes and their care's, at most $9. None is told after its last one: <= is =, of which
-- the planner would think that it finds next to nobody.
select h.*
from ({told}) as told
inner join ({shown}) as h on h.id = told.id and h.last_change <= told.at
order by told.at, told.id
limit $9
