-- `since` moves only with the address: nobody is told of what happened before it was known. $3 is when the transaction
-- began; what it has waited for since then happened before, too.
insert into contact_point as t (municipality, address, since)
select n.municipality, n.address, $3::timestamptz + (clock_timestamp() - now()) from unnest($1::text[], $2::text[]) as n (municipality, address)
order by n.municipality
on conflict (municipality) do update set address = excluded.address, since = excluded.since
where t.address <> excluded.address
returning municipality
