-- One page of the inbox: $1 status or null, $2 and $3 bounds of household ids (a prefix) or null,
-- $4 and $5 and $6 the last row seen (time, household, item) or null, $7 when an answer is due at the latest or null,
-- $8 how many.
select i.*
from inbox_entry i
where
    {scope}
    and ($1::text is null or i.status = $1)
    and ($2::uuid is null or i.household between $2 and $3::uuid)
    and ($4::timestamptz is null or (i.assigned_at, i.household, i.item) < ($4, $5::uuid, $6::bigint))
    and ($7::timestamptz is null or i.answer_by <= $7)
order by i.assigned_at desc, i.household desc, i.item desc
limit $8
