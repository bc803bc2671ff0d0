-- A parked submission that is older than the erasure brings nobody back.

alter table reference add column erased boolean not null default false;
