-- A message is made once: its id is made of what it is about. It is due at once, by the time that claims it.
insert into message (
    id, household, item, kind, municipality, address, created_at, next_attempt_at, traceparent
)
select n.id, n.household, n.item, $7, n.municipality, n.address, $8::timestamptz, statement_timestamp(), n.traceparent
from unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[])
    as n (id, household, item, municipality, address, traceparent)
order by n.id
on conflict (id) do nothing
