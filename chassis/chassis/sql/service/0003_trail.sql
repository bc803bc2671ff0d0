-- One household's entries, or one person's, among millions.
create index audit_subject on audit (subject, id);
create index audit_actor on audit (actor, id);
