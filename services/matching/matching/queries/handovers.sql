-- Plans, newest first; `givers` are codes of whose cases change hands, one more than are shown where there are more.
select h.id, h.made_at, h.reason, h.status, h.moves_lower_bound,
       array(select g.code from manager g where g.id = any(h.givers) order by g.code limit 4) as givers
from handover h
where $1::timestamptz is null or (h.made_at, h.id) < ($1, $2::uuid)
order by h.made_at desc, h.id desc
limit $3
