-- What was sent lately is counted for the operator; all that was ever sent is not read for it.

create index message_sent on message (sent_at) where sent_at is not null;
