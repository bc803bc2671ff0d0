-- `since` moves only with the address: nobody is told of what happened before it was known.
insert into contact_point as t (municipality, address, since)
select n.municipality, n.address, $3::timestamptz from unnest($1::text[], $2::text[]) as n (municipality, address)
order by n.municipality
on conflict (municipality) do update set address = excluded.address, since = excluded.since
where t.address <> excluded.address
returning municipality
