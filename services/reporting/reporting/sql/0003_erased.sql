-- Of an erased household no answer is kept.

-- An owner who is no superuser is held by row-level security too, and would change no row.
alter table household no force row level security;
update household set answer = null, answer_reason = null, answered_at = null
where status = 'erased' and answer is not null;
alter table household force row level security;
