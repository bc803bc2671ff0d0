-- Shares of a post from a day on: capacity that changes by date.
create table post (
    manager uuid not null references manager (id),
    since date not null,
    fte_hundredths integer not null check (fte_hundredths between 0 and 100),
    primary key (manager, since)
);
grant select, insert, delete on post to matching_worker, matching_web;
