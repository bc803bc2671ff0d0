-- What is open is counted with each view of the inbox; of all that was ever proposed it is a small part.

create index item_open on item (household, item) include (municipality, district, manager) where status = 'open';
create index response_undone on response (household, item) where answer = 'undone';
