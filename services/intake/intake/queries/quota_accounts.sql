select m.ags, m.population, coalesce(q.opening, 0) as opening, coalesce(q.before, 0) as before
from municipality as m
left join quota_account as q on q.municipality = m.ags
where m.active and m.district = $1
order by m.ags
