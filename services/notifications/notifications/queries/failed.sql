select id, kind, municipality, created_at, attempts, failed_at, last_error_code
from message
where failed_at is not null and ($1::timestamptz is null or (failed_at, id) < ($1, $2::uuid))
order by failed_at desc, id desc
limit $3
