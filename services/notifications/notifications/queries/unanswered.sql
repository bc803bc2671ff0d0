-- Which of the households still owe an answer whose time is over, $3 times more than it was given, with the trace of the
-- proposal's mail: $1 households, $2 now.
select
    i.household,
    i.item,
    i.municipality,
    i.district,
    i.answer_by - i.assigned_at as given,
    (
        select m.traceparent from message m
        where m.household = i.household and m.item = i.item and m.kind = 'proposal'
        limit 1
    ) as traceparent
from care c
inner join item i on i.household = c.household and i.item = c.item
left join response r on r.household = i.household and r.item = i.item
where
    c.household = any($1::uuid[])
    and c.status = 'proposed'
    and i.answer_by + $3::int * (i.answer_by - i.assigned_at) <= $2
    and (r.household is null or r.answer = 'undone')
order by i.household
