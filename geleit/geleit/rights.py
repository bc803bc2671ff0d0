"""Who may do what on the broker: each account reads and writes what its duty needs, and nothing else."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from chassis.service import Service
from contracts.topics import all_topics, submissions, verdicts


class Action(StrEnum):
    """What an account may do with a topic or, reading only, as a consumer group."""

    READ = "read"
    WRITE = "write"


class Kind(StrEnum):
    """What a right is about."""

    TOPIC = "topic"
    GROUP = "group"


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One permission of an account. Kafka adds the right to describe what may be read or written."""

    account: str
    action: Action
    kind: Kind
    name: str


def centre_account(centre: str) -> str:
    """The account of a reception centre, which is the name of its consumer group too."""
    return f"centre-{centre}"


def rights_of_service(service: Service, centres: Iterable[str]) -> Iterator[Right]:
    """A service reads what it subscribes to, in its own group, and writes what nobody else writes."""
    yield Right(service.name, Action.READ, Kind.GROUP, service.name)
    for topic in service.on:
        yield Right(service.name, Action.READ, Kind.TOPIC, topic.name)
    for topic in all_topics(centres):
        if topic.writer == service.name:
            yield Right(service.name, Action.WRITE, Kind.TOPIC, topic.name)


def rights_of_centre(centre: str) -> Iterator[Right]:
    """A centre writes its own submissions and reads its own verdicts."""
    account = centre_account(centre)
    yield Right(account, Action.WRITE, Kind.TOPIC, submissions(centre).name)
    yield Right(account, Action.READ, Kind.TOPIC, verdicts(centre).name)
    yield Right(account, Action.READ, Kind.GROUP, account)
