insert into policy as t (id, revision, version, remind_after_days)
select * from unnest($1::text[], $2::int[], $3::text[], $4::smallint[])
on conflict (id) do update set
    revision = excluded.revision, version = excluded.version, remind_after_days = excluded.remind_after_days
where t.revision < excluded.revision
