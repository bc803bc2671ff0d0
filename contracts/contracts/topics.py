"""The topics: names, partitions, retention, schemas. The only place that names them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID
from zlib import crc32

from contracts.assignments import Care
from contracts.households import Household
from contracts.municipalities import Municipality
from contracts.policy import Policy
from contracts.record import LARGEST, State
from contracts.responses import Response
from contracts.roster import Manager
from contracts.submissions import Submission
from contracts.verdicts import Verdict

HOME_PARTITIONS = 12
"""For ever: a household's home partition is stored with it, and a key in two partitions never compacts."""


CENTRE = "centre"
"""The writer of submissions, which is no service: each centre has a topic of its own."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, its size, the one schema it carries and the one service that writes it (or CENTRE).

    `retention` None: compacted, kept for ever.
    """

    name: str
    schema: type[State]
    writer: str
    partitions: int = 1
    retention: timedelta | None = None

    @property
    def known(self) -> Mapping[str, type[State]]:
        """Every `ce_type` a reader of this topic can decode."""
        return {self.schema.ce_type: self.schema}

    @property
    def config(self) -> dict[str, str]:
        """Broker settings."""
        # By its own clock: it refuses what a writer's says of an hour to come, and all that waits behind it.
        common = {"max.message.bytes": str(LARGEST), "message.timestamp.type": "LogAppendTime"}
        if self.retention is None:
            # An erasure is a newer state: a week later at the latest, the older ones with their facts are gone.
            return common | {"cleanup.policy": "compact", "max.compaction.lag.ms": str(7 * 24 * 3600 * 1000)}
        return common | {
            "cleanup.policy": "delete",
            "retention.ms": str(int(self.retention.total_seconds() * 1000)),
        }


HOUSEHOLDS = Topic("households", Household, "intake", HOME_PARTITIONS)
ASSIGNMENTS = Topic("assignments", Care, "matching", HOME_PARTITIONS)
RESPONSES = Topic("responses", Response, "notifications", HOME_PARTITIONS)
ROSTER = Topic("roster", Manager, "matching")
POLICY = Topic("policy", Policy, "matching")
MUNICIPALITIES = Topic("municipalities", Municipality, "intake")
STATE_TOPICS = (HOUSEHOLDS, ASSIGNMENTS, RESPONSES, ROSTER, POLICY, MUNICIPALITIES)

_CENTRE = re.compile(r"[a-z][a-z0-9-]{1,39}")
_TWO_WEEKS = timedelta(days=14)


def home_partition(household: UUID, district: str | None) -> int:
    """The partition a household is given at registration and keeps: by district, so that one instance
    of matching meets most of a district; by its own id while it has none."""
    return crc32((district or str(household)).encode()) % HOME_PARTITIONS


def submissions(centre: str) -> Topic:
    """The topic a centre writes its submissions to; its ACL, not the payload, says who wrote."""
    return Topic(f"submissions.{_valid(centre)}", Submission, CENTRE, retention=_TWO_WEEKS)


def verdicts(centre: str) -> Topic:
    """The topic a centre reads the verdicts on its submissions from."""
    return Topic(f"verdicts.{_valid(centre)}", Verdict, "intake", retention=_TWO_WEEKS)


def centre_of(topic: str) -> str:
    """The centre of a submissions or verdicts topic."""
    return topic.partition(".")[2]


def topic_of(state: State) -> Topic:
    """The topic a state belongs to; a verdict goes to its centre's."""
    if isinstance(state, Verdict):
        return verdicts(state.centre)
    return next(topic for topic in STATE_TOPICS if topic.schema is type(state))


def all_topics(centres: Iterable[str]) -> tuple[Topic, ...]:
    """Every topic of an installation with these centres."""
    return (
        *STATE_TOPICS,
        *(make(centre) for centre in centres for make in (submissions, verdicts)),
    )


def _valid(centre: str) -> str:
    if not _CENTRE.fullmatch(centre):
        raise ValueError("a centre's code is 2 to 40 characters: lower-case letters, digits, hyphens")
    return centre
