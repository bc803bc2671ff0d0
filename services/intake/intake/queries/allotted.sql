select municipality, count(*) as households
from household
where status in ('active', 'departed') and district = $1 and municipality is not null
group by municipality
