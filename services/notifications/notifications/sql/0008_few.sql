-- A page of what is open, in its order and with when an answer is due; and what was declined.

drop index item_open;
create index item_open on item (assigned_at desc, household desc, item desc)
include (municipality, district, manager, answer_by)
where status = 'open';
create index response_declined on response (household, item) where answer = 'declined';
