-- Who gives cases away too has room only once they are gone: moves onto such managers come last.
select m.household, m.care_revision, m.from_manager, m.to_manager
from handover_move m
join handover h on h.id = m.handover
where m.handover = $1 and m.status = 'planned' and h.status = 'running'
order by exists (
    select from handover_move o where o.handover = m.handover and o.from_manager = m.to_manager
), m.household
limit $2
