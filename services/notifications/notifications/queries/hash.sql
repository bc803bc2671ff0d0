-- A hash over what is folded, in key order. Left out: the feed's position, which is the reader's own, and
-- the place and code of an item that has moved on, which only who has seen it before can know.
with line as (
    select
        1 as part,
        c.household::text as key,
        sha256(convert_to(c::text, 'UTF8')) as digest
    from care c
    union all
    select
        2,
        i.household::text || lpad(i.item::text, 10),
        sha256(convert_to((
            i.household, i.item, i.home, i.revision, i.status, i.reason, i.facts, i.manager, i.assigned_at,
            i.answer_by, i.contacted_at, i.ended_at, i.answer, i.answer_reason,
            case when i.facts is not null then (i.municipality, i.district, i.manager_code)::text end
        )::text, 'UTF8'))
    from item i
    union all
    select 3, m.id::text, sha256(convert_to(m::text, 'UTF8')) from manager m
    union all
    select 4, t.ags, sha256(convert_to(t::text, 'UTF8')) from municipality t
    union all
    select 5, p.id, sha256(convert_to(p::text, 'UTF8')) from policy p
)
select encode(sha256(coalesce(string_agg(digest, ''::bytea order by part, key collate "C"), ''::bytea)), 'hex')
from line
