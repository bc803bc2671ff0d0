create table seen (
    ags text primary key,
    revision integer not null,
    times integer not null default 1
);
grant select, insert, update, delete on seen to probe_worker;
