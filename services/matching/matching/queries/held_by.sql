-- Cases that somebody of `$1` has, or that are of a family group of which somebody of `$1` has one: each by an index.
select household
from care
where manager = any($1::uuid[])
union
select h.id
from household h
join care c on c.household = h.id
where c.manager is not null
  and h.facts ? 'family_group'
  and h.facts ->> 'family_group' in (
      select g.facts ->> 'family_group'
      from care d
      join household g on g.id = d.household
      where d.manager = any($1::uuid[]) and g.facts ? 'family_group'
  )
