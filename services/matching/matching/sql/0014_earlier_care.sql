-- What a manager did for a household before another one had it stays known: proofs of funding are of years.

alter table assignment add column answered_at timestamptz;
alter table assignment add column contacted_at timestamptz;
