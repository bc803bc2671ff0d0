-- Changed is when the writing transaction began; it is seen when that has ended, within a minute (command_timeout).
select id from household
where centre = current_setting('geleit.tenant', true) and changed_at >= $9::timestamptz - interval '5 minutes'
union all
select household from care
where centre = current_setting('geleit.tenant', true) and changed_at >= $9::timestamptz - interval '5 minutes'
