-- The waiting list of some municipalities after a cursor, as far as the cases fit into `$2` units.
select household, registered_at
from care
where status = 'waiting'
  and municipality = any($1::text[])
  and needs <= $2
  and (registered_at, household) > ($3, $4)
order by registered_at, household
limit $5
