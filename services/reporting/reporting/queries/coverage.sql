-- Municipalities and how many of them are served today, by district: $1 today, $2 district or null.
with area as (
    select distinct unnest(m.service_area) as ags
    from manager m
    where
        m.status = 'active'
        and m.capacity > 0
        and m.active_from <= $1
        and (m.active_until is null or m.active_until >= $1)
)
select
    town.district,
    min(town.district_name) as name,
    count(*) as municipalities,
    count(area.ags) as served
from municipality town
left join area on area.ags = town.ags
where town.active and ($2::text is null or town.district = $2)
group by town.district
order by town.district
