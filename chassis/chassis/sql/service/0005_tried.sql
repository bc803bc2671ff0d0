-- When a parked record was applied again in vain: who asked for it sees that it was done.
alter table parked add column tried_at timestamptz;
