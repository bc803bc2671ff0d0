insert into manager as t (id, revision, code)
select * from unnest($1::uuid[], $2::int[], $3::text[])
on conflict (id) do update set revision = excluded.revision, code = excluded.code
where t.revision < excluded.revision
