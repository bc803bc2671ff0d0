-- `taken` is what matching gave: only up to capacity. `forced` is what a correction, a move or a person put there: it
-- counts and is tolerated, and what is tolerated melts as the load does. `$6` is the Monday of this week.
update manager
set load = load + units,
    tolerated = greatest(0, least(load + units - capacity, tolerated + forced)),
    new_cases = greatest(0, case when week = $6 then new_cases + new when week < $6 then new else new_cases end),
    week = greatest(week, $6)
from unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[]) as change (id, units, taken, forced, new)
where manager.id = change.id
  and (taken = 0 or load + units <= capacity + forced)
