-- How sending goes: what was sent in the seven days before $1, and what is still to be sent.
select
    (select count(*) from message where sent_at > $1::timestamptz - interval '7 days') as sent,
    count(*) filter (where attempts = 0) as queued,
    count(*) filter (where attempts > 0) as trying,
    (select count(*) from given_up) as failed,
    min(created_at) as oldest
from message
where sent_at is null and failed_at is null
