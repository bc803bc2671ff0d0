-- The waiting list of some municipalities after a cursor, as far as the cases fit into `$2` units.
select household, coalesce(turn, waiting_since) as turn
from care
where status = 'waiting'
  and reason not in ('parked', 'to_be_reassessed')
  and municipality = any($1::text[])
  and needs <= $2
  and (coalesce(turn, waiting_since), household) > ($3, $4)
order by coalesce(turn, waiting_since), household
limit $5
