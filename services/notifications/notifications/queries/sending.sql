-- How sending goes.
select
    count(*) filter (where sent_at is not null) as sent,
    count(*) filter (where sent_at is null and failed_at is null and attempts = 0) as queued,
    count(*) filter (where sent_at is null and failed_at is null and attempts > 0) as trying,
    (select count(*) from given_up) as failed,
    min(created_at) filter (where sent_at is null and failed_at is null) as oldest
from message
