-- What chassis keeps in each service's schema.

create table started (
    only_row boolean primary key default true check (only_row),
    at timestamptz not null
);
insert into started (at) values (clock_timestamp());

create table outbox (
    id bigint generated always as identity primary key,
    topic text not null,
    partition integer not null,
    key text not null,
    ce_id uuid not null,
    ce_type text not null,
    revision bigint not null,
    payload bytea not null,
    traceparent text,
    created_at timestamptz not null,
    published_at timestamptz
);
create index outbox_unpublished on outbox (id) where published_at is null;

create table parked (
    id bigint generated always as identity primary key,
    topic text not null,
    partition integer not null,
    position bigint not null,
    error text not null,
    ce_type text,
    traceparent text,
    payload bytea,
    wrapped_key bytea not null,
    parked_at timestamptz not null,
    expires_at timestamptz not null,
    resolved_at timestamptz,
    resolution text,
    unique (topic, partition, position)
);

create table due (
    kind text not null,
    aggregate text not null,
    at timestamptz not null,
    attempts integer not null default 0,
    primary key (kind, aggregate)
);
create index due_at on due (at);

create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    actor text not null,
    role text not null,
    action text not null,
    subject text not null,
    details jsonb not null
);
