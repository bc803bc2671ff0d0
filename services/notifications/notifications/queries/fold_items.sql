-- An earlier item is told without its place, so that the place where it was seen stays. The change feed moves every row that
-- is written: of one that is closed only what says something else, or its place would learn when something happens elsewhere.
-- Whose answer is the newest, though, its place is told what became of it, which the view has from the care.
insert into item as t (
    household, item, home, revision, municipality, district, status, reason, facts, manager, manager_code,
    assigned_at, answer_by, accepted_at, contacted_at, ended_at, answer, answer_reason, changed_at
)
select n.*, $19::timestamptz from unnest(
    $1::uuid[], $2::int[], $3::smallint[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::jsonb[], $10::uuid[], $11::text[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[],
    $15::timestamptz[], $16::timestamptz[], $17::text[], $18::text[]
) as n
on conflict (household, item) do update set
    revision = excluded.revision,
    municipality = coalesce(excluded.municipality, t.municipality),
    district = coalesce(excluded.district, t.district),
    status = excluded.status, reason = excluded.reason, facts = excluded.facts, manager = excluded.manager,
    manager_code = coalesce(excluded.manager_code, t.manager_code),
    assigned_at = excluded.assigned_at, answer_by = excluded.answer_by, accepted_at = excluded.accepted_at,
    contacted_at = excluded.contacted_at, ended_at = excluded.ended_at, answer = excluded.answer,
    answer_reason = excluded.answer_reason, changed_at = excluded.changed_at, changed = pg_current_xact_id()
where
    excluded.status <> 'closed'
    or exists (select from response r where r.household = t.household and r.item = t.item)
    or (
        t.status, t.reason, t.facts, t.manager, t.assigned_at, t.answer_by, t.accepted_at, t.contacted_at, t.ended_at,
        t.answer, t.answer_reason
    ) is distinct from (
        excluded.status, excluded.reason, excluded.facts, excluded.manager, excluded.assigned_at, excluded.answer_by,
        excluded.accepted_at, excluded.contacted_at, excluded.ended_at, excluded.answer, excluded.answer_reason
    )
