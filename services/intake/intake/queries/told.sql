-- When a centre's households or their cares have changed, since $1 and after the last one seen (time $2, household $3), of
-- references that begin with $4; the first {most}. Two indexes have this order, one for each.
-- Changed is when the writing transaction began; it is seen when that has ended, within a minute (command_timeout).
(
    select h.changed_at as at, h.id
    from household as h
    where
        h.centre = current_setting('geleit.tenant', true)
        and h.reference is not null
        and h.reference ~>=~ $4
        and h.reference ~<~ ($4 || chr(1114111))
        and (h.changed_at, h.id) > (greatest($2, $1::timestamptz - interval '5 minutes'), $3::uuid)
    order by h.changed_at, h.id
    limit {most}
)
union
(
    select c.changed_at, c.household
    from care as c
    inner join household as h on h.id = c.household
    where
        c.centre = current_setting('geleit.tenant', true)
        and h.reference is not null
        and h.reference ~>=~ $4
        and h.reference ~<~ ($4 || chr(1114111))
        and (c.changed_at, c.household) > (greatest($2, $1::timestamptz - interval '5 minutes'), $3::uuid)
    order by c.changed_at, c.household
    limit {most}
)
order by at, id
limit {most}
