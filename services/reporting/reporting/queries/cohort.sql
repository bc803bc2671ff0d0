-- One scan for the total, the districts and the days: $1 first day, $2 last day, $3 district or null.
select
    grouping(h.district, h.day) as level,
    h.district,
    h.day,
    count(*) as arrivals,
    coalesce(sum(h.persons), 0)::bigint as persons,
    count(*) filter (where h.outcome in ('assigned', 'waiting', 'ended')) as eligible,
    count(*) filter (where h.outcome = 'assigned') as assigned,
    count(*) filter (where h.outcome = 'waiting') as waiting,
    count(*) filter (where h.outcome = 'not_eligible') as not_eligible,
    count(*) filter (where h.outcome = 'ended') as ended,
    count(*) filter (where h.outcome = 'withdrawn') as withdrawn,
    count(*) filter (where h.outcome = 'handed_over') as handed_over,
    count(*) filter (where h.outcome in ('departed', 'merged', 'erased')) as "left",
    count(*) filter (where h.outcome = 'undecided') as undecided,
    coalesce(sum(h.declines), 0)::bigint as declines,
    count(*) filter (where h.outcome = 'assigned' and h.declines > 0) as reassigned,
    -- Of an erased household only the day of its assignment is left.
    percentile_disc(array[0.5, 0.95, 0.99]) within group (order by h.assigned_after_ms)
        filter (where h.outcome <> 'erased' and h.care_reason is distinct from 'household_erased') as percentiles
from household h
where
    h.day between $1 and $2
    and ($3::text is null or h.district = $3)
    -- Who was lost with a database is registered again.
    and (h.registered_at is not null or h.status is distinct from 'erased')
group by grouping sets ((), (h.district), (h.day))
order by level desc, h.district nulls last, h.day
