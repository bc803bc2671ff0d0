-- Messages whose time has come, under a lease of $2: $1 now, $3 how many.
with next as (
    select id from message
    where sent_at is null and failed_at is null and next_attempt_at <= clock_timestamp()
    order by next_attempt_at
    limit $3
    for update skip locked
)
update message
set claimed_at = $1, next_attempt_at = clock_timestamp() + $2::interval, attempts = attempts + 1
from next
where message.id = next.id
returning
    message.id, message.household, message.kind, message.address, message.attempts, message.claimed_at,
    message.traceparent
