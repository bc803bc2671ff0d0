insert into care as c (
    household, revision, household_revision, status, reason, municipality, district, registered_at, decided_at,
    manager, item, weight, needs, waiting_since, assigned_at, answer_by, answered_at, contacted_at, ended_at,
    policy, receipt, last_answer, turn
)
select household, revision, household_revision, status, reason, municipality, district, registered_at, decided_at,
       manager, item, weight, needs, waiting_since, assigned_at, answer_by, answered_at, contacted_at, ended_at,
       policy, receipt, last_answer::jsonb, turn
from unnest(
    $1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
    $9::timestamptz[], $10::uuid[], $11::bigint[], $12::int[], $13::int[], $14::timestamptz[], $15::timestamptz[],
    $16::timestamptz[], $17::timestamptz[], $18::timestamptz[], $19::timestamptz[], $20::text[], $21::bytea[],
    $22::text[], $23::timestamptz[]
) as new (
    household, revision, household_revision, status, reason, municipality, district, registered_at, decided_at,
    manager, item, weight, needs, waiting_since, assigned_at, answer_by, answered_at, contacted_at, ended_at,
    policy, receipt, last_answer, turn
)
on conflict (household) do update set
    revision = excluded.revision, household_revision = excluded.household_revision, status = excluded.status,
    reason = excluded.reason, municipality = excluded.municipality, district = excluded.district,
    registered_at = excluded.registered_at, decided_at = excluded.decided_at, manager = excluded.manager,
    item = excluded.item, weight = excluded.weight, needs = excluded.needs, waiting_since = excluded.waiting_since,
    assigned_at = excluded.assigned_at, answer_by = excluded.answer_by, answered_at = excluded.answered_at,
    contacted_at = excluded.contacted_at, ended_at = excluded.ended_at, policy = excluded.policy,
    receipt = excluded.receipt, last_answer = excluded.last_answer,
    turn = excluded.turn
where c.revision < excluded.revision
