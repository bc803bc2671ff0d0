update message set sent_at = $2, claimed_at = null, last_error_code = null where id = $1
