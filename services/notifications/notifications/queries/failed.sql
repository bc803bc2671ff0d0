select id, kind, municipality, attempts, failed_at, last_error_code
from given_up
where $1::timestamptz is null or (failed_at, id) < ($1, $2::uuid)
order by failed_at desc, id desc
limit $3
