-- Which of the households still owe an answer whose time is over, with the trace of the proposal's mail:
-- $1 households, $2 now.
select
    c.household,
    c.item,
    c.municipality,
    (
        select m.traceparent from message m
        where m.household = c.household and m.item = c.item and m.kind = 'proposal'
        limit 1
    ) as traceparent
from care c
left join response r on r.household = c.household and r.item = c.item
where
    c.household = any($1::uuid[])
    and c.status = 'proposed'
    and c.answer_by <= $2
    and (r.household is null or r.answer = 'undone')
order by c.household
