-- Municipalities, and districts of any, that nobody can be told in, at most $1. What a district is called is not held here.
select t.ags, t.name
from (
    select m.ags, m.name from municipality m where m.active
    union
    select m.district, null from municipality m where m.active
) as t
where not exists (select from contact_point c where c.municipality = t.ags)
order by t.ags
limit $1
