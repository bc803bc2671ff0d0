insert into manager as m (
    id, revision, code, provider, status, name_key, name_box, fte_hundredths, capacity, base_load, load, tolerated,
    languages, skills, service_area, office, active_from, active_until, max_new_per_week,
    changed_at
)
select id, revision, code, provider, status, name_key, name_box, fte_hundredths, capacity, base_load, base_load,
       greatest(0, base_load - capacity), string_to_array(languages, ' '), string_to_array(skills, ' '),
       string_to_array(service_area, ' '), office, active_from, active_until, max_new_per_week, $18
from unnest(
    $1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::int[], $9::int[],
    $10::int[], $11::text[], $12::text[], $13::text[], $14::text[], $15::date[], $16::date[],
    $17::int[]
) as new (
    id, revision, code, provider, status, name_key, name_box, fte_hundredths, capacity, base_load, languages, skills,
    service_area, office, active_from, active_until, max_new_per_week
)
order by id
on conflict (id) do update set
    revision = excluded.revision, status = excluded.status, name_key = excluded.name_key,
    name_box = excluded.name_box, fte_hundredths = excluded.fte_hundredths, capacity = excluded.capacity,
    base_load = excluded.base_load, load = m.load - m.base_load + excluded.base_load,
    tolerated = greatest(0, m.load - m.base_load + excluded.base_load - excluded.capacity),
    languages = excluded.languages, skills = excluded.skills, service_area = excluded.service_area,
    office = excluded.office, active_from = excluded.active_from, active_until = excluded.active_until,
    max_new_per_week = excluded.max_new_per_week, changed_at = excluded.changed_at
