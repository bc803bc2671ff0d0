select id, reference, centre, revision, registered_at, facts
from household
where
    status = 'active'
    and reference is not null
    and district = $1
    and municipality is null
    and ($3::timestamptz is null or (registered_at, id) > ($3, $4::uuid))
order by registered_at, id
limit $2
