-- Why households wait or are not eligible: $1 first day, $2 last day, $3 district or null.
select h.outcome as status, h.care_reason as reason, count(*) as households
from household h
where
    h.day between $1 and $2
    and ($3::text is null or h.district = $3)
    and h.outcome in ('waiting', 'not_eligible')
group by h.outcome, h.care_reason
order by h.outcome desc, households desc, h.care_reason
