-- How many items are open, and how many of these beyond their time: $1 now. Those that may be are few, found by an index
-- each. What nobody has answered is open; of the others the view says what they are.
with maybe as (
    select i.household, i.item, i.answer_by, r.household is not null as answered
    from item i
    left join response r on r.household = i.household and r.item = i.item
    where i.status = 'open' and {scope}
    union all
    select i.household, i.item, i.answer_by, true
    from response r
    inner join item i on i.household = r.household and i.item = r.item
    where r.answer = 'undone' and i.status <> 'open' and {scope}
)
select count(*) as items, count(*) filter (where maybe.answer_by <= $1) as late
from maybe
where
    not maybe.answered
    or exists (
        select from inbox v where v.household = maybe.household and v.item = maybe.item and v.status = 'open'
    )
