-- Messages whose time has come, under a lease that ends at $2: $1 now, $3 how many.
with next as (
    select id from message
    where sent_at is null and failed_at is null and next_attempt_at <= $1
    order by next_attempt_at
    limit $3
    for update skip locked
)
update message
set claimed_at = $1, next_attempt_at = $2, attempts = attempts + 1
from next
where message.id = next.id
returning
    message.id, message.household, message.kind, message.address, message.attempts, message.claimed_at,
    message.traceparent
