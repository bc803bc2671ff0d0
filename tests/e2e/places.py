"""Everything that a Geleit has written, piece by piece with its place, and what looks for people in it."""

import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import asyncpg

from contracts.topics import all_topics
from geleit.audit.canaries import Finder, as_read
from geleit.logs import mail_dir
from geleit.spans import spans_dir
from stream import read_to_the_end

NO_BASE64 = rb"[A-Za-z0-9+/_=-]"
"""In base64, as in ids and hashes, any two letters can stand."""


def country_finder(*codes: str) -> Finder:
    """Finds each of the nationalities where it stands alone."""
    any_of = b"|".join(code.encode() for code in codes)
    return re.compile(rb"(?<!%b)(?:%b)(?!%b)" % (NO_BASE64, any_of, NO_BASE64)).findall


async def places(
    state_dir: Path, bootstrap: str, database_url: str, centres: Iterable[str]
) -> AsyncIterator[tuple[str, bytes]]:
    """All topics, logs, spans, mails and tables of the Geleit on this state folder."""
    for record in await read_to_the_end(bootstrap, *(topic.name for topic in all_topics(centres))):
        told = b" ".join(name.encode() + b"=" + (value or b"") for name, value in record.headers)
        yield f"topic {record.topic}", b" ".join((record.key or b"", record.value or b"", told))
    for folder in (state_dir / "log", spans_dir(state_dir), mail_dir(state_dir)):
        for file in sorted(folder.iterdir()):
            yield f"{folder.name} {file.name}", file.read_bytes()
    for file in mail_dir(state_dir).glob("*.eml"):
        yield f"text of mail {file.name}", as_read(file.read_bytes())
    owner = await asyncpg.connect(database_url)
    try:
        for schema, table in await owner.fetch(
            "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
        ):
            rows = await owner.fetch(f'select t::text as row from "{schema}"."{table}" t')
            yield f"table {schema}.{table}", "\n".join(row["row"] for row in rows).encode()
    finally:
        await owner.close()
