-- Failed messages that are to be sent again: $1 ids or null for all.
update message
set failed_at = null, attempts = 0, next_attempt_at = statement_timestamp()
where id in (select id from given_up) and failed_at is not null and ($1::uuid[] is null or id = any($1::uuid[]))
returning id
