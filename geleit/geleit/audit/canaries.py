"""Looks for names that must not be found outside the vault (I11), in whatever Geleit has written."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from email import message_from_bytes, policy
from pathlib import Path

from chassis.database import Database
from geleit.audit import store
from geleit.audit.finding import Finding, Invariant
from geleit.logs import mail_dir
from geleit.spans import spans_dir

Finder = Callable[[bytes], list[bytes]]

FEW = 100
"""Names that are sooner looked for one by one."""


def finder(strings: Iterable[str]) -> Finder:
    """Finds each of the strings, also where bytes are shown in hex, and as JSON writes what is not ASCII."""
    forms = list({form for one in strings for form in _forms(one)})
    # A regular expression of thousands of alternatives tries each of them at every byte.
    width = min(map(len, forms))
    by_begin: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for form in forms:
        by_begin[form[:width]].append(form)

    def find(content: bytes) -> list[bytes]:
        if len(forms) <= FEW and not any(form in content for form in forms):
            return []
        begins = ((at, content[at : at + width]) for at in range(len(content)))
        hits = ((at, form) for at, begin in begins if begin in by_begin for form in by_begin[begin])
        return [form for at, form in hits if content.startswith(form, at)]

    return find


def _forms(name: str) -> tuple[bytes, ...]:
    return name.encode(), name.encode().hex().encode(), json.dumps(name)[1:-1].encode()


class Canaries:
    """The names, and where they were found. A fault names the place and never what was found there."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(filter(None, names))
        self._find = finder(self.names) if self.names else None
        self._seen: dict[str, int] = {}
        self._checked = 0

    def look(self, place: str, content: bytes) -> None:
        """Look at what stands somewhere."""
        self._checked += 1
        if self._find and (hits := self._find(content)):
            self._seen[place] = self._seen.get(place, 0) + len(hits)

    def finding(self) -> Finding:
        """I11: how many records, rows and files were looked at; none if there are no names to look for."""
        faults = [f"{place}: {hits} times" for place, hits in sorted(self._seen.items())]
        return Finding(Invariant.I11, self._checked if self.names else 0, faults=faults)


async def rows(databases: Mapping[str, Database]) -> AsyncIterator[tuple[str, bytes]]:
    """Every row that a worker may read; what is sealed is bytes there, in which no name is found."""
    for service, database in databases.items():
        async with database.snapshot() as tx:
            async for table, row in store.tables(tx):
                yield f"table {service}.{table}", row.encode()


def files(state_dir: Path | None, others: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Logs, spans and mails of the Geleit on this state folder, line by line, and what else is to be looked at."""
    folders = (state_dir / "log", spans_dir(state_dir), mail_dir(state_dir)) if state_dir else ()
    for file in (file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir())):
        # A draft has its name only once it is whole; what is forgotten meanwhile is gone.
        if not file.name.startswith("."):
            with suppress(FileNotFoundError):
                yield from _lines(file)
    for file in others:
        yield from _lines(file)


def _lines(file: Path) -> Iterator[tuple[str, bytes]]:
    place = f"{file.parent.name}/{file.name}"
    with file.open("rb") as lines:
        for line in lines:
            yield place, line
    if file.suffix == ".eml":
        yield place, as_read(file.read_bytes())


def as_read(mail: bytes) -> bytes:
    """A mail's headers and texts as people see them: what is not ASCII travels in base64."""
    message = message_from_bytes(mail, policy=policy.default)
    texts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([*map(str, message.values()), *texts]).encode()
