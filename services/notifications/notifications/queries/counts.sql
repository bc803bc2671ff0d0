-- How many items of each status, and of these how many beyond their time: $1 now.
select i.status, count(*) as items, count(*) filter (where i.answer_by <= $1) as late
from inbox i
where {scope}
group by i.status
