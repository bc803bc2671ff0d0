-- Today's posts and their load, in all and by district served: $1 today, $2 district or null. A manager who
-- serves several districts counts in each of them, so the districts add up to more than the total.
with post as (
    select m.id, m.fte_hundredths, m.capacity, m.base_load + coalesce(l.units, 0) as load, m.service_area
    from manager m
    left join manager_load l on l.manager = m.id
    where m.status = 'active' and m.active_from <= $1 and (m.active_until is null or m.active_until >= $1)
),
served as (
    select distinct post.id, left(area.ags, 5) as district
    from post cross join lateral unnest(post.service_area) as area (ags)
    where $2::text is null or left(area.ags, 5) = $2
),
counted as (
    select district, id from served
    union all
    select null, id from (select distinct id from served) as each_once
)
select
    counted.district,
    count(*) as managers,
    coalesce(sum(post.fte_hundredths), 0)::bigint as fte_hundredths,
    coalesce(sum(post.capacity), 0)::bigint as capacity,
    coalesce(sum(post.load), 0)::bigint as load
from counted
join post on post.id = counted.id
group by counted.district
order by counted.district
