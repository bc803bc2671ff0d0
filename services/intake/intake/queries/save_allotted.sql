update household as h
set revision = a.revision, change = a.change, facts = a.facts, changed_at = $5, allotted = true
from unnest($1::uuid[], $2::int[], $3::text[], $4::jsonb[]) as a (id, revision, change, facts)
where h.id = a.id and h.revision = a.revision - 1
