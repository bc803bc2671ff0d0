-- `inbox` of what is open or declined, with the same arguments: of all that was ever proposed it is so little that keys come
-- first. What may be open is found by an index of its own, and so is what an answer may have made open or declined; the view
-- then says of each what it is.
with found as (
    (
        select i.assigned_at, i.household, i.item
        from item i
        where
            $1 = 'open'
            and i.status = 'open'
            and {scope}
            and ($2::uuid is null or i.household between $2 and $3::uuid)
            and ($4::timestamptz is null or (i.assigned_at, i.household, i.item) < ($4, $5::uuid, $6::bigint))
            and ($7::timestamptz is null or i.answer_by <= $7)
            and exists (select from inbox v where v.household = i.household and v.item = i.item and v.status = $1)
        order by i.assigned_at desc, i.household desc, i.item desc
        limit $8
    )
    union all
    (
        select i.assigned_at, i.household, i.item
        from response r
        inner join item i on i.household = r.household and i.item = r.item
        where
            r.answer = case $1 when 'open' then 'undone' else 'declined' end
            and i.status <> $1
            and {scope}
            and ($2::uuid is null or i.household between $2 and $3::uuid)
            and ($4::timestamptz is null or (i.assigned_at, i.household, i.item) < ($4, $5::uuid, $6::bigint))
            and ($7::timestamptz is null or i.answer_by <= $7)
            and exists (select from inbox v where v.household = i.household and v.item = i.item and v.status = $1)
        order by i.assigned_at desc, i.household desc, i.item desc
        limit $8
    )
    order by assigned_at desc, household desc, item desc
    limit $8
)
select i.*
from found
inner join inbox_entry i on i.household = found.household and i.item = found.item
order by i.assigned_at desc, i.household desc, i.item desc
