"""Who alone does a part of a service's work: whoever has its advisory lock, which ends with the session."""

_KEY = "hashtextextended('geleit.' || $1 || '.' || current_schema(), 0)"
"""`$1` is the part: relay, timers."""

FOR_SESSION = f"select pg_try_advisory_lock({_KEY})"
FOR_TRANSACTION = f"select pg_try_advisory_xact_lock({_KEY})"
END = f"""
select pg_terminate_backend(l.pid) from pg_locks l
where l.locktype = 'advisory' and l.granted
  and l.database = (select oid from pg_database where datname = current_database())
  and (l.classid::bigint << 32 | l.objid::bigint) = {_KEY}
"""  # noqa: S608 - nothing of it is given
"""Ends the session of an owner that is frozen: it can do nothing, and nobody else may."""
