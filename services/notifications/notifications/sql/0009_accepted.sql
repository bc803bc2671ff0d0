-- A household has one answer, the newest: what an earlier item was accepted by goes with the next municipality's. When that
-- was stays with the item, as when the household was met.

alter table item add column accepted_at timestamptz;

create or replace view inbox with (security_invoker = true) as
select
    i.household,
    i.item,
    i.home,
    i.revision,
    i.municipality,
    m.name as municipality_name,
    i.district,
    case
        when given.fate = 'pending' then
            case r.answer
                when 'declined' then 'declined'
                when 'closed' then 'closed'
                when 'undone' then 'open'
                else 'accepted'
            end
        when given.undoable then 'declined'
        else i.status
    end as status,
    i.reason,
    i.facts,
    i.manager,
    coalesce(g.code, i.manager_code) as manager_code,
    i.assigned_at,
    i.answer_by,
    coalesce(r.contacted_at, i.contacted_at) as contacted_at,
    i.ended_at,
    coalesce(r.answer, i.answer) as answer,
    case when r.answer is null then i.answer_reason else r.reason end as answer_reason,
    r.answered_at,
    coalesce(r.accepted_at, i.accepted_at) as accepted_at,
    given.fate,
    coalesce(given.undoable, false) as undoable,
    c.item as current_item,
    i.changed_at,
    i.changed
from item i
left join care c on c.household = i.household
left join standing s on s.household = i.household
left join response r on r.household = i.household and r.item = i.item
left join manager g on g.id = i.manager
left join municipality m on m.ags = i.municipality
cross join lateral (
    select
        case
            when r.household is null then null
            when s.answer_seen >= r.revision then s.answer_applied
            when s.household is null then null
            else 'pending'
        end as fate
) seen
cross join lateral (
    select
        seen.fate,
        r.answer = 'declined'
        and seen.fate is distinct from 'stale'
        and (
            s.item = i.item
            or (
                s.last_item = i.item
                and s.municipality is not distinct from i.municipality
                and (s.status = 'waiting' or (s.status = 'ended' and i.reason = 'declined'))
            )
        ) as undoable
) given;
