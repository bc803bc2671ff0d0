-- `taken` is what matching gave: only up to capacity. `forced` is what a correction or a person put there: it counts
-- and is tolerated, and what is tolerated melts as the load does.
update manager
set load = load + delta,
    tolerated = greatest(0, least(load + delta - capacity, tolerated + forced))
from unnest($1::uuid[], $2::int[], $3::int[], $4::int[]) as change (id, delta, taken, forced)
where manager.id = change.id
  and (taken = 0 or load + delta <= capacity + forced)
