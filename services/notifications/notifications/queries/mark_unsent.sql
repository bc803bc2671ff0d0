-- $3 the pause before the next attempt, null when there is none: then an operator decides.
update message
set
    claimed_at = null,
    last_error_code = $2,
    next_attempt_at = coalesce(statement_timestamp() + $3::interval, next_attempt_at),
    failed_at = case when $3::interval is null then $4::timestamptz end
where id = $1 and sent_at is null
