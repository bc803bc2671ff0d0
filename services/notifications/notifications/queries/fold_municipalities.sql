insert into municipality as t (ags, revision, name, district, active)
select * from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::bool[])
on conflict (ags) do update set
    revision = excluded.revision, name = excluded.name, district = excluded.district, active = excluded.active
where t.revision < excluded.revision
