-- Mails that are not tried any more and that somebody still waits for: nobody is told of a proposal that has its answer
-- or is over. It reads with its owner's rights, as `standing` does: an operator sees no case.
create policy owner on message for select to current_user using (true);
create policy owner on response for select to current_user using (true);
create view given_up as
select m.id, m.kind, m.municipality, m.created_at, m.attempts, m.failed_at, m.last_error_code
from message m
inner join care c on c.household = m.household
left join response r on r.household = m.household and r.item = m.item
where
    m.failed_at is not null
    and c.item = m.item
    and c.status = 'proposed'
    and (r.household is null or r.answer = 'undone')
    and (
        current_user = 'notifications_worker'
        or current_setting('geleit.role', true) in ('operator', 'auditor')
    );
grant select on given_up to notifications_worker, notifications_web;
