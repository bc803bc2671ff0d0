-- A page of the waiting list in the order in which matching takes it up: $1 reason or null, $2 district or null, $3 and $4
-- the last row seen (turn, household) or null, $5 how many. By CASE: row-level security looks into no index of a COALESCE.
select c.household, c.reason, c.municipality, m.name as town, c.registered_at, c.waiting_since,
       case when c.turn is not null then c.turn else c.waiting_since end as turn, c.needs, h.facts
from care c
join household h on h.id = c.household
left join municipality m on m.ags = c.municipality
where c.status = 'waiting'
  and ($1::text is null or c.reason = $1)
  and ($2::text is null or c.district = $2)
  and ($3::timestamptz is null
       or (case when c.turn is not null then c.turn else c.waiting_since end, c.household) > ($3, $4::uuid))
order by case when c.turn is not null then c.turn else c.waiting_since end, c.household
limit $5
