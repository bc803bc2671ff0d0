-- A page of the waiting list, also a late one, is read by its index behind row-level security too: which looks into no
-- index of a COALESCE, but of a CASE.

drop index care_shown_waiting;
create index care_shown_waiting on care (
    (case when turn is not null then turn else waiting_since end), household
) where status = 'waiting';
-- It has all that the gauges count every ten seconds.
create index care_shown_waiting_by_reason on care (
    reason, (case when turn is not null then turn else waiting_since end), household
) include (waiting_since) where status = 'waiting';
create index care_shown_waiting_by_district on care (
    district, (case when turn is not null then turn else waiting_since end), household
) where status = 'waiting';
