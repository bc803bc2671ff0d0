insert into care (household, centre, revision, status, reason, municipality, manager, changed_at, state)
select c.h, (select household.centre from household where household.id = c.h), c.r, c.s, c.w, c.m, c.a, $1, c.c
from unnest(
    $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::jsonb[]
) as c (h, r, s, w, m, a, c)
order by c.h
on conflict (household) do update set
    centre = excluded.centre,
    revision = excluded.revision,
    status = excluded.status,
    reason = excluded.reason,
    municipality = excluded.municipality,
    manager = excluded.manager,
    changed_at = excluded.changed_at,
    state = excluded.state
where care.revision < excluded.revision
