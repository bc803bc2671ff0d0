select i.status, count(*) as items from inbox i where {scope} group by i.status
