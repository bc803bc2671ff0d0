-- Cases that somebody of `$1` has, or that are of a family group of which somebody of `$1` has one: each by an index. A
-- group of more than `$2` households is no family.
select household
from care
where manager = any($1::uuid[])
union
select c.household
from (
    select distinct g.family_group as family
    from care d
    join household g on g.id = d.household
    where d.manager = any($1::uuid[]) and g.family_group is not null
) f
cross join lateral (
    select array_agg(h.id) as ids
    from (
        select id from household
        where family_group = f.family
        limit $2 + 1
    ) h
) m
join care c on c.household = any(m.ids)
where cardinality(m.ids) <= $2 and c.manager is not null
