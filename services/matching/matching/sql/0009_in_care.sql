-- Who was in care waits since then and not since the registration, also after a proposal that nobody takes. Of
-- assignments that have ended before, nobody knows any more.

alter table assignment add column in_care boolean not null default false;
