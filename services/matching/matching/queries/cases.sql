select h.id, h.home, h.revision as household_revision_now, h.status as household_status, h.registered_at,
       h.facts::text as facts, h.traceparent, h.alias,
       c.revision, c.household_revision, c.status, c.reason, c.decided_at, c.manager, c.item, c.weight,
       c.waiting_since, c.assigned_at, c.answer_by, c.answered_at, c.contacted_at, c.ended_at, c.policy, c.receipt,
       c.last_answer
from household h
left join care c on c.household = h.id
where h.id = any($1::uuid[])
