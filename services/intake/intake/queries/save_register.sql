insert into municipality (
    ags, name, district, district_name, population, latitude, longitude, active, revision, changed_at
)
select a, n, left(a, 5), d, p, lat, lon, ac, r, $1
from unnest(
    $2::text[], $3::text[], $4::text[], $5::int[], $6::float8[], $7::float8[], $8::bool[], $9::int[]
) as m (a, n, d, p, lat, lon, ac, r)
order by a
on conflict (ags) do update set
    name = excluded.name,
    district_name = excluded.district_name,
    population = excluded.population,
    latitude = excluded.latitude,
    longitude = excluded.longitude,
    active = excluded.active,
    revision = excluded.revision,
    changed_at = excluded.changed_at
