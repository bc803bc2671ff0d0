-- Cases that somebody of `$1` has, or that are of a family group of which somebody of `$1` has one.
select c.household
from care c
join household h on h.id = c.household
where c.manager is not null
  and (
      c.manager = any($1::uuid[])
      or h.facts ->> 'family_group' in (
          select g.facts ->> 'family_group'
          from care d
          join household g on g.id = d.household
          where d.manager = any($1) and g.facts ? 'family_group'
      )
  )
