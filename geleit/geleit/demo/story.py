"""One household's whole way: what the tables say happened to it, and the spans of its trace."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from geleit.demo import store
from geleit.demo.doors import Doors
from geleit.probe import NotInTime, until
from geleit.spans import Span, orphans, trace_of, tree

EXPORTED_WITHIN = 10.0
LAST_STEP = "send mail"


@dataclass(frozen=True, slots=True)
class Story:
    """A household's steps by time, and its trace."""

    household: UUID
    trace_id: str
    steps: tuple[tuple[datetime, str], ...]
    spans: tuple[Span, ...]

    def lines(self) -> list[str]:
        """The story as text."""
        begun = self.steps[0][0]
        told = [f"{(at - begun).total_seconds() * 1000:9.1f} ms  {what}" for at, what in self.steps]
        head = f"  household {self.household}, {begun.astimezone():%Y-%m-%d %H:%M:%S}"
        trace = [f"  trace {self.trace_id}, {len(self.spans)} spans", *tree(self.spans)] if self.spans else []
        return [head, *told, *trace]


async def tell(doors: Doors, state_dir: Path, candidates: Collection[UUID]) -> Story | None:
    """The story of the first of these households that was accepted and whose trace is recorded."""
    async with doors["matching"].transaction() as tx:
        recorded = await store.recorded(tx, candidates)
        if not recorded:
            return None
        household, traceparent = recorded[0]["id"], recorded[0]["traceparent"]
        steps = await store.steps_of_care(tx, household)
    async with doors["intake"].transaction() as tx:
        steps.append(await store.registration(tx, household))
    async with doors["notifications"].transaction() as tx:
        steps += await store.steps_of_messages(tx, household)
    trace_id = traceparent.split("-")[1]
    spans = await _exported(state_dir, trace_id)
    return Story(household, trace_id, tuple(sorted(steps)), tuple(spans))


async def _exported(state_dir: Path, trace_id: str) -> list[Span]:
    """The trace as soon as it is whole; what there is of it where the spans go elsewhere."""
    found: list[Span] = []

    async def is_whole() -> bool:
        found[:] = trace_of(state_dir, trace_id)
        return any(span.name == LAST_STEP for span in found) and not orphans(found)

    with suppress(NotInTime):
        await until(is_whole, within=EXPORTED_WITHIN, what="the trace", every=0.2)
    return found
