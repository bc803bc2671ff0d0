insert into verdict (
    at, centre, channel, outcome, reference, household, household_revision, problems, topic, partition, position, digest
)
select $1, $2, $3, o, r, h, hr, p::jsonb, t, pn, ps, d
from unnest(
    $4::text[], $5::text[], $6::uuid[], $7::int[], $8::text[], $9::text[], $10::int[], $11::bigint[], $12::bytea[]
) with ordinality as v (o, r, h, hr, p, t, pn, ps, d, n)
order by n
