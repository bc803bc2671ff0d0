insert into response as t (
    household, revision, item, answer, reason, answered_at, accepted_at, contacted_at, transfer_requested_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (household) do update set
    revision = excluded.revision, item = excluded.item, answer = excluded.answer, reason = excluded.reason,
    answered_at = excluded.answered_at, accepted_at = excluded.accepted_at,
    contacted_at = excluded.contacted_at, transfer_requested_at = excluded.transfer_requested_at
where t.revision < excluded.revision
