-- Digest of the record's key: who is erased has no open one left that would bring them back.
alter table parked add column about bytea;
