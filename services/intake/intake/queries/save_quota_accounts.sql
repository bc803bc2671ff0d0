insert into quota_account (municipality, district, opening, before)
select m, left(m, 5), o, b
from unnest($1::text[], $2::bigint[], $3::int[]) as a (m, o, b)
order by m
on conflict (municipality) do update set opening = excluded.opening, before = excluded.before
