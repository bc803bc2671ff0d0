"""Counts a week: databases, topics and the mail folder, never what the demo believes to have sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from contracts.topics import submissions
from contracts.vocabulary import Outcome
from geleit.audit.stream import Stream
from geleit.demo import store
from geleit.demo.diary import Entry
from geleit.demo.doors import Doors
from geleit.demo.figures import Figures

_OFFERS = "/intake/v1/households"


@dataclass(frozen=True, slots=True)
class Meter:
    """The web process's own count of the offers it has answered since it was started."""

    started: float
    answered: int

    @classmethod
    async def read(cls, http: httpx.AsyncClient) -> "Meter":
        """Ask its metrics."""
        text = (await http.get("/metrics")).text
        samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
        started = next((one.value for one in samples if one.name == "process_start_time_seconds"), 0.0)
        return cls(started, int(sum(one.value for one in samples if _is_answered_offer(one))))


def _is_answered_offer(sample: Sample) -> bool:
    match sample:
        case Sample("geleit_bulk_items_total", {"status": status}):
            is_offer = True
        case Sample("geleit_http_requests_total", {"method": "POST" | "PUT", "route": route, "status": status}):
            # A bulk that was read is as many offers as it has items.
            is_offer = route.startswith(_OFFERS) and (route, status) != (f"{_OFFERS}/bulk", "200")
        case _:
            return False
    # Who may not write, or writes too much, has offered nothing.
    return is_offer and status[0] in "234" and status not in {"401", "403", "413"}


@dataclass(frozen=True, slots=True)
class Beginning:
    """How things stood when this run began to feed, which is later than its week began if it resumes one."""

    at: datetime
    meter: Meter
    answered_before: int
    """Offers of the week that earlier runs made, by intake's book: the process that counted them is gone."""


def mails_in(folder: Path) -> int:
    """How many mails the catcher has kept."""
    return sum(1 for _ in folder.glob("*.eml"))


async def count(
    doors: Doors,
    stream: Stream,
    week: Entry,
    *,
    beginning: Beginning,
    meter: Meter,
    mail_dir: Path,
    seconds: float,
) -> tuple[Figures, Mapping[str, int], int]:
    """The figures, the records that services parked of each other's topics, and the declined households nobody has."""
    topics = [submissions(centre) for centre in doors.centres]
    async with doors["intake"].transaction() as tx:
        outcomes = await store.outcomes(tx, week.began_at)
        parked = await store.parked(tx, week.began_at, [topic.name for topic in topics])
        fed, took = await store.fed(tx, beginning.at)
    async with doors["reporting"].transaction() as tx:
        fates = await store.fates(tx, week.began_at)
    async with doors["notifications"].transaction() as tx:
        sent = await store.mails_sent(tx, week.began_at)
    by_outcome = {one: sum(n for (_, outcome), n in outcomes.items() if outcome == one) for one in Outcome}
    by_http = sum(n for (channel, _), n in outcomes.items() if channel == "http")
    written = await stream.written(topics)
    # A web process that was started anew counts from zero: then intake's book is all there is.
    same = meter.started == beginning.meter.started
    answered = beginning.answered_before + meter.answered - beginning.meter.answered if same else by_http
    p50, p95, p99 = fates["percentiles"] or (None, None, None)
    figures = Figures(
        offered=answered + sum(written.values()) - sum(week.offsets.values()),
        accepted=by_outcome[Outcome.ACCEPTED],
        corrected=by_outcome[Outcome.CORRECTED],
        withdrawals=by_outcome[Outcome.WITHDRAWN] + by_outcome[Outcome.DEPARTED],
        duplicate=by_outcome[Outcome.DUPLICATE],
        rejected=by_outcome[Outcome.REJECTED],
        parked=parked,
        assigned=fates["assigned"],
        waiting=fates["waiting"],
        not_eligible=fates["not_eligible"],
        withdrawn=fates["withdrawn"],
        handed_over=fates["handed_over"],
        declined=fates["declined"],
        reassigned=fates["reassigned"],
        mails_sent=sent,
        mails_caught=mails_in(mail_dir) - week.mails,
        p50_ms=_rounded(p50),
        p95_ms=_rounded(p95),
        p99_ms=_rounded(p99),
        feed_per_s=round(fed / took, 1) if took else 0.0,
        seconds=round(seconds, 1),
    )
    elsewhere: dict[str, int] = {}
    for name, database in doors.databases.items():
        async with database.transaction() as tx:
            lost = await store.parked(tx, week.began_at) - (parked if name == "intake" else 0)
        if lost:
            elsewhere[name] = lost
    return figures, elsewhere, fates["forgotten"]


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
