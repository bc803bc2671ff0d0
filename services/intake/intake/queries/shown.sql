select
    h.id, h.reference, h.revision, h.status, h.registered_at, h.changed_at, h.facts,
    m.name as municipality_name, c.state as care, greatest(h.changed_at, c.changed_at) as last_change
from household as h
left join municipality as m on m.ags = h.facts ->> 'municipality'
left join care as c on c.household = h.id
where
    h.centre = current_setting('geleit.tenant', true)
    and h.reference is not null
    -- The beginning as a range: behind row-level security LIKE is not searched by an index.
    and h.reference ~>=~ $4
    and h.reference ~<~ ($4 || chr(1114111))
    and ($5::text is null or h.status = $5)
    and ($6::text is null or c.status = $6)
    and (
        $7::uuid is null
        or h.id <> $7 and h.person_digest = (select other.person_digest from household as other where other.id = $7)
    )
    and ($8::uuid is null or h.id = $8)
