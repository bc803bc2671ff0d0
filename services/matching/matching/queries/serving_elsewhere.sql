select distinct c.manager
from care c
join manager m on m.id = c.manager
where c.municipality <> all(m.service_area)
