-- The waiting list as it is shown: all municipalities' in the order of the turns, also who is put aside.

create index care_shown_waiting on care (coalesce(turn, waiting_since), household) where status = 'waiting';
