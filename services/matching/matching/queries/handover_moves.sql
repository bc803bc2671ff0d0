select m.household, m.care_revision, m.from_manager, m.to_manager, m.cause, m.lost, m.gate, m.status,
       g.code as from_code, r.code as to_code, (h.facts ->> 'size')::int as persons,
       h.facts ->> 'municipality' as municipality, t.name as town
from handover_move m
join household h on h.id = m.household
join manager g on g.id = m.from_manager
left join manager r on r.id = m.to_manager
left join municipality t on t.ags = h.facts ->> 'municipality'
where m.handover = $1 and ($2::uuid is null or m.household > $2)
order by m.household
limit $3
