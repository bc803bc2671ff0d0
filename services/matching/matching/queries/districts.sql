-- A manager counts where her office is.
with posts as (
    select left(coalesce(office, service_area[1]), 5) as district, count(*) as managers, sum(capacity) as capacity,
           sum(load) as load, sum(fte_hundredths) as fte_hundredths
    from manager
    where status = 'active'
    group by 1
), named as (
    select district, min(district_name) as name from municipality group by district
)
select n.district, n.name, coalesce(p.managers, 0) as managers, coalesce(p.fte_hundredths, 0) as fte_hundredths,
       coalesce(p.capacity, 0) as capacity, coalesce(p.load, 0) as load
from named n
left join posts p using (district)
where n.district like $1 || '%'
order by n.name, n.district
