-- The waiting list of some municipalities after a cursor, as far as the cases fit into `$2` units.
select household, turn
from care
where turn is not null
  and municipality = any($1::text[])
  and needs <= $2
  and (turn, household) > ($3, $4)
order by turn, household
limit $5
