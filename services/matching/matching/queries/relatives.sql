-- By family group and manager how many of its households she has, and one of them: as many rows as there are managers.
-- A group of more than `$2` households is no family, and has a row without a manager; whoever belongs to one is counted
-- no further, by the index.
select f.family, c.manager, count(*) as cases, min(c.household::text)::uuid as one
from unnest($1::text[]) as f (family)
cross join lateral (
    select array_agg(h.id) as ids
    from (
        select id from household
        where family_group = f.family
        limit $2 + 1
    ) h
) m
left join care c on c.household = any(m.ids) and cardinality(m.ids) <= $2 and c.manager is not null
where c.manager is not null or cardinality(m.ids) > $2
group by f.family, c.manager
