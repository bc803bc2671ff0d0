-- Items by change, after the cursor ($1 transaction, $2 household, $3 item) and since $4, at most $5. What a
-- transaction wrote that is still open, or one that may yet commit before it, waits: else a reader whose
-- cursor has passed would never see it.
select i.*
from inbox_entry i
where
    {scope}
    and i.changed < pg_snapshot_xmin(pg_current_snapshot())
    and ($1::text is null or (i.changed, i.household, i.item) > ($1::text::xid8, $2::uuid, $3::bigint))
    and ($4::timestamptz is null or i.changed_at >= $4)
order by i.changed, i.household, i.item
limit $5
