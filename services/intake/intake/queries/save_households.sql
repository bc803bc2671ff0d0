insert into household (
    id, home, centre, reference, revision, status, change, version, facts, forms, person_digest,
    registered_at, changed_at, allotted
)
select
    id, home, centre, reference, revision, status, change, version, facts,
    array(select decode(form, 'hex') from unnest(string_to_array(forms, ',')) as form),
    person_digest, registered_at, changed_at, allotted
from unnest(
    $1::uuid[], $2::int[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::int[], $9::jsonb[],
    $10::text[], $11::bytea[], $12::timestamptz[], $13::timestamptz[],
    $14::bool[]
) as h (
    id, home, centre, reference, revision, status, change, version, facts, forms, person_digest,
    registered_at, changed_at, allotted
)
order by id
on conflict (id) do update set
    reference = excluded.reference,
    revision = excluded.revision,
    status = excluded.status,
    change = excluded.change,
    version = excluded.version,
    facts = excluded.facts,
    forms = excluded.forms,
    person_digest = excluded.person_digest,
    registered_at = excluded.registered_at,
    changed_at = excluded.changed_at,
    allotted = excluded.allotted
