-- Plans by which cases change hands: proposed, confirmed by a person, carried out some at a time.

create table handover (
    id uuid primary key,
    made_at timestamptz not null,
    made_by text not null,
    -- Whose cases it may touch: a district's, or everybody's.
    district text,
    reason text not null,
    status text not null,
    confirmed_at timestamptz,
    confirmed_by text,
    finished_at timestamptz,
    moves_lower_bound integer not null
);

-- A case that cannot stay. Without `to_manager` nobody can take it, and `gate` says why; `gate` also says why a move
-- became stale.
create table handover_move (
    handover uuid not null references handover (id),
    household uuid not null references household (id),
    care_revision bigint not null,
    from_manager uuid not null references manager (id),
    to_manager uuid references manager (id),
    cause text not null,
    lost integer not null,
    gate text,
    status text not null,
    primary key (handover, household)
);
create index handover_move_from on handover_move (handover, from_manager);
create index handover_move_household on handover_move (household);

grant select, insert, update on handover, handover_move to matching_worker;
grant select, insert, update on handover to matching_web;
grant select, insert on handover_move to matching_web;

create function sees_handover(district text) returns boolean
    language sql stable
    return case current_setting('geleit.role', true)
        when 'state' then true
        when 'auditor' then true
        when 'district' then coalesce(district = current_setting('geleit.tenant', true), false)
        else false
    end;

alter table handover enable row level security;
alter table handover force row level security;
create policy worker on handover to matching_worker using (true) with check (true);
create policy web on handover to matching_web using (sees_handover(district));

alter table handover_move enable row level security;
alter table handover_move force row level security;
create policy worker on handover_move to matching_worker using (true) with check (true);
create policy web on handover_move to matching_web using (sees_household(household));
