select c.*, h.status as household_status, h.facts, t.name as town, m.code, p.name as provider_name,
       (select min(d.district_name) from municipality d where d.district = c.district) as district_name
from care c
join household h on h.id = c.household
left join municipality t on t.ags = c.municipality
left join manager m on m.id = c.manager
left join provider p on p.code = m.provider
where c.household = $1
