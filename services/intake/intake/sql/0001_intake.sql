-- What intake owns: the register of municipalities, households and their identities, and what it ruled on every offer.

create table municipality (
    ags text primary key check (ags ~ '^08[0-9]{6}$'),
    name text not null,
    district text not null,
    district_name text not null,
    population integer not null check (population >= 0),
    latitude double precision,
    longitude double precision,
    active boolean not null,
    revision integer not null,
    changed_at timestamptz not null
);
create index municipality_name on municipality (name);

create table household (
    id uuid primary key,
    home integer not null,
    centre text not null,
    reference text,
    revision integer not null check (revision >= 1),
    status text not null,
    change text not null,
    version integer,
    facts jsonb,
    forms bytea [] not null,
    person_digest bytea,
    registered_at timestamptz not null,
    changed_at timestamptz not null,
    check ((status = 'erased') = (facts is null))
);
create unique index household_reference on household (centre, reference text_pattern_ops);
create index household_registered on household (centre, registered_at, id);
create index household_changed on household (centre, changed_at, id);
create index household_persons on household (centre, person_digest);

-- The first lock of every offer: a household that does not exist yet has no row to lock, its reference has.
create table reference (
    centre text not null,
    reference text not null,
    household uuid references household (id),
    verdicts integer not null default 0,
    primary key (centre, reference)
);

-- A row without a wrapped key cannot exist: erasure deletes it, and every copy of `sealed` is noise.
create table person_vault (
    household uuid primary key references household (id),
    centre text not null,
    wrapped_key bytea not null,
    sealed bytea not null,
    changed_at timestamptz not null
);

-- Every offer has one row, whatever became of it, so that nothing offered can be lost from the sum.
create table verdict (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    centre text not null,
    channel text not null check (channel in ('http', 'kafka')),
    outcome text not null check (outcome in ('accepted', 'corrected', 'withdrawn', 'duplicate', 'rejected')),
    reference text,
    household uuid,
    household_revision integer,
    problems jsonb not null,
    topic text,
    partition integer,
    position bigint,
    digest bytea
);
-- The digest: a topic that is made anew counts its positions from 0 again.
create unique index verdict_place on verdict (topic, partition, position, digest);
create index verdict_centre on verdict (centre, id);
create index verdict_outcome on verdict (outcome, at);

create table idempotency (
    centre text not null,
    key text not null,
    digest bytea not null,
    status integer,
    location text,
    body jsonb,
    at timestamptz not null,
    primary key (centre, key)
);
create index idempotency_at on idempotency (at);

-- What became of a household elsewhere, as `assignments` tells it.
create table care (
    household uuid primary key,
    centre text,
    revision integer not null,
    status text not null,
    reason text not null,
    municipality text,
    manager uuid,
    changed_at timestamptz not null,
    state jsonb not null
);
create index care_status on care (centre, status);

grant select, insert, update on municipality, household, reference, care to intake_worker;
grant select, insert, update, delete on person_vault, idempotency to intake_worker;
grant select, insert on verdict to intake_worker;

grant select on municipality, care to intake_web;
grant select, insert, update on household, reference, person_vault, idempotency to intake_web;
grant delete on idempotency to intake_web;
grant select, insert on verdict to intake_web;

alter table household enable row level security;
alter table household force row level security;
alter table reference enable row level security;
alter table reference force row level security;
alter table person_vault enable row level security;
alter table person_vault force row level security;
alter table verdict enable row level security;
alter table verdict force row level security;
alter table idempotency enable row level security;
alter table idempotency force row level security;
alter table care enable row level security;
alter table care force row level security;

create policy worker on household to intake_worker using (true) with check (true);
create policy worker on reference to intake_worker using (true) with check (true);
create policy worker on person_vault to intake_worker using (true) with check (true);
create policy worker on verdict to intake_worker using (true) with check (true);
create policy worker on idempotency to intake_worker using (true) with check (true);
create policy worker on care to intake_worker using (true) with check (true);

create policy centre on household to intake_web
using (current_setting('geleit.role', true) = 'centre' and centre = current_setting('geleit.tenant', true));
create policy centre on reference to intake_web
using (current_setting('geleit.role', true) = 'centre' and centre = current_setting('geleit.tenant', true));
create policy centre on person_vault to intake_web
using (current_setting('geleit.role', true) = 'centre' and centre = current_setting('geleit.tenant', true));
create policy centre on verdict to intake_web
using (current_setting('geleit.role', true) = 'centre' and centre = current_setting('geleit.tenant', true));
create policy centre on idempotency to intake_web
using (current_setting('geleit.role', true) = 'centre' and centre = current_setting('geleit.tenant', true));
create policy centre on care to intake_web
using (current_setting('geleit.role', true) = 'centre' and centre = current_setting('geleit.tenant', true));

-- Who has accepted a case may see its care and, from then on, the names; nobody else outside the centre may.
create policy confirmed on care for select to intake_web
using (
    status = 'confirmed'
    and case current_setting('geleit.role', true)
        when 'municipality' then municipality = current_setting('geleit.tenant', true)
        when 'manager' then manager::text = current_setting('geleit.tenant', true)
        else false
    end
);
create policy confirmed on person_vault for select to intake_web
using (
    current_setting('geleit.role', true) in ('municipality', 'manager')
    and exists (select from care where care.household = person_vault.household and care.status = 'confirmed')
);
