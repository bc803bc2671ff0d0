-- `gate` is what keeps a manager from any new case today, as the gates of rules.py say; none: she takes what fits.
select m.id, m.code, m.provider, p.name as provider_name, m.name_key, m.name_box, m.fte_hundredths, m.capacity,
       m.load, m.languages, cardinality(m.service_area) as municipalities,
       case
           when d.today not between m.active_from and coalesce(m.active_until, 'infinity') or exists (
               select from absence a
               where a.manager = m.id and d.today between a.since and coalesce(a.until, 'infinity')
           ) then 'nobody_active'
           when m.week = date_trunc('week', d.today)::date and m.new_cases >= m.max_new_per_week
               or m.max_new_per_week = 0 then 'week_full'
           when m.load + $8 > m.capacity then 'no_capacity'
       end as gate
from manager m
join provider p on p.code = m.provider
cross join (select ($7::timestamptz at time zone 'Europe/Berlin')::date as today) d
where m.status = 'active'
  and exists (select from unnest(m.service_area) as ags where ags like $1 || '%')
  and ($2 = '' or m.code ilike $2 || '%' or m.provider ilike $2 || '%' or p.name ilike '%' || $2 || '%')
  and ($3::text is null or exists (select from unnest(m.service_area) as ags where left(ags, 5) = $3))
  and ($4::text is null or (m.provider, m.code) > ($4, $5::text))
order by m.provider, m.code
limit $6
