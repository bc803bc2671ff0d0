-- Nothing was tried: the next process may begin at once.
update message
set claimed_at = null, next_attempt_at = statement_timestamp(), attempts = attempts - 1
where id = $1 and sent_at is null
