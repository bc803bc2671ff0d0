-- Municipalities that nobody can be told in, after $1, at most $2.
select t.ags, t.name
from municipality t
where
    t.active
    and ($1::text is null or t.ags > $1)
    and not exists (select from contact_point c where c.municipality = t.ags)
order by t.ags
limit $2
