-- A hash over every row in key order, so that two folds can be compared without reading them.
with line as (
    select 1 as part, id::text as key, sha256(convert_to(t::text, 'UTF8')) as digest from household as t
    union all
    select 2, id::text, sha256(convert_to(t::text, 'UTF8')) from manager as t
    union all
    select 3, ags, sha256(convert_to(t::text, 'UTF8')) from municipality as t
    union all
    select 4, id, sha256(convert_to(t::text, 'UTF8')) from policy as t
)
select encode(sha256(coalesce(string_agg(digest, ''::bytea order by part, key collate "C"), ''::bytea)), 'hex')
from line
