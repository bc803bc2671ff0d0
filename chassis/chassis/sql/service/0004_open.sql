-- Those that wait for somebody are few, and looked for every ten seconds; those that were given up are kept.
create index parked_open on parked (topic) where resolved_at is null;
