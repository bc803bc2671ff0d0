-- Whom a person keeps apart stays apart, also if a decline is taken back. Without a care's item were only these.

alter table exclusion add column apart boolean not null default false;
update exclusion set apart = true where item = 0;
