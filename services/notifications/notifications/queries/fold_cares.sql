-- Lock and keep what is newer; returns the households whose care that was, and whether it is asked as it was before: the
-- same item, to be answered by the same time. What is selected of the table is what the statement found.
insert into care as t (
    household, revision, home, status, item, last_item, municipality, district, manager, answer_by,
    answer_seen, answer_applied
)
select * from unnest(
    $1::uuid[], $2::int[], $3::smallint[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[], $9::uuid[],
    $10::timestamptz[], $11::int[], $12::text[]
)
on conflict (household) do update set
    revision = excluded.revision, home = excluded.home, status = excluded.status, item = excluded.item,
    last_item = excluded.last_item, municipality = excluded.municipality, district = excluded.district,
    manager = excluded.manager, answer_by = excluded.answer_by, answer_seen = excluded.answer_seen,
    answer_applied = excluded.answer_applied
where t.revision < excluded.revision
returning
    household,
    coalesce(
        (select c.item = t.item and c.answer_by = t.answer_by from care c where c.household = t.household), false
    ) as asked_before
