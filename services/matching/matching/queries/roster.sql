select m.id, m.code, m.provider, p.name as provider_name, m.name_key, m.name_box, m.fte_hundredths, m.capacity,
       m.load, m.tolerated, m.languages, m.skills, cardinality(m.service_area) as municipalities, m.active_from,
       m.active_until,
       exists (
           select from absence a
           where a.manager = m.id
             and ($7::timestamptz at time zone 'Europe/Berlin')::date between a.since and coalesce(a.until, 'infinity')
       ) as away
from manager m
join provider p on p.code = m.provider
where m.status = 'active'
  and exists (select from unnest(m.service_area) as ags where ags like $1 || '%')
  and ($2 = '' or m.code ilike $2 || '%' or m.provider ilike $2 || '%' or p.name ilike '%' || $2 || '%')
  and ($3::text is null or exists (select from unnest(m.service_area) as ags where left(ags, 5) = $3))
  and ($4::text is null or (m.provider, m.code) > ($4, $5::text))
order by m.provider, m.code
limit $6
