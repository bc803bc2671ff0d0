-- Who has outgrown a manager or asks for a transfer stays in care where nobody can take the case.
select h.id, h.made_at, h.reason, h.status, h.confirmed_at, h.finished_at, h.moves_lower_bound,
       t.moves, t.planned, t.done, t.stale, t.uncovered, t.persons_uncovered, t.lost,
       array(select g.code from manager g where g.id = any(h.givers) order by g.code limit 4) as givers
from handover h
cross join lateral (
    select count(*) filter (where m.to_manager is not null) as moves,
           count(*) filter (where m.status = 'planned') as planned,
           count(*) filter (where m.status = 'done') as done,
           count(*) filter (where m.status = 'stale') as stale,
           count(*) filter (where m.status = 'uncovered') as uncovered,
           coalesce(sum((select (o.facts ->> 'size')::int from household o where o.id = m.household))
               filter (where m.status = 'uncovered' and m.cause not in ('grown', 'requested')), 0) as persons_uncovered,
           coalesce(sum(m.lost), 0) as lost
    from handover_move m
    where m.handover = h.id
) t
where h.id = $1
