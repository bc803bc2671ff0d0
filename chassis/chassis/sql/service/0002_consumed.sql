-- What became of the records of each partition up to `next`, each counted once however often it was read.
create table consumed (
    topic text not null,
    partition integer not null,
    next bigint not null,
    handled bigint not null,
    parked bigint not null,
    ignored bigint not null,
    primary key (topic, partition)
);
