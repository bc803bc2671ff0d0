-- How many items are open, and how many of these beyond their time: $1 now. Those that may be are few, found by an index
-- each; the view then says of each what it is.
with maybe as (
    select i.household, i.item from item i where i.status = 'open' and {scope}
    union
    select i.household, i.item
    from response r
    inner join item i on i.household = r.household and i.item = r.item
    where r.answer = 'undone' and {scope}
)
select count(*) as items, count(*) filter (where i.answer_by <= $1) as late
from maybe
inner join inbox i on i.household = maybe.household and i.item = maybe.item
where i.status = 'open'
