-- Municipalities that nobody can be told in, at most $1.
select t.ags, t.name
from municipality t
where
    t.active
    and not exists (select from contact_point c where c.municipality = t.ags)
order by t.ags
limit $1
