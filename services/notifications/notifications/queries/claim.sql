-- Messages whose time has come, under a lease of $1: $2 how many. They go where the municipality is told by now: an address
-- may have been corrected since they were written.
with next as (
    select id from message
    where sent_at is null and failed_at is null and next_attempt_at <= statement_timestamp()
    order by next_attempt_at
    limit $2
    for update skip locked
)
update message
set
    claimed_at = statement_timestamp(),
    next_attempt_at = statement_timestamp() + $1::interval,
    attempts = attempts + 1,
    address = coalesce(
        (select c.address from contact_point c where c.municipality = message.municipality), message.address
    )
from next
where message.id = next.id
returning
    message.id, message.household, message.kind, message.address, message.attempts, message.claimed_at,
    message.traceparent
