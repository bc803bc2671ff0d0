select m.*, p.name as provider_name, o.name as office_name,
       (select count(*) from care c where c.manager = m.id) as cases,
       (select coalesce(array_agg(t.name order by t.name), '{}') from municipality t where t.ags = any(m.service_area))
           as towns
from manager m
join provider p on p.code = m.provider
left join municipality o on o.ags = m.office
where m.id = $1
  and exists (select from unnest(m.service_area) as ags where ags like $2 || '%')
