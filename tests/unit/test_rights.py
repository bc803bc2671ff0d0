"""On the broker a centre reaches its own two topics, a service what it folds and writes, and nobody anything more."""

from itertools import chain

from contracts.topics import STATE_TOPICS, all_topics
from geleit.rights import Action, Kind, Right, centre_account, rights_of_centre, rights_of_service
from unconnected import SERVICES

CENTRES = SERVICES["intake"].settings.centres
ALL = set(chain.from_iterable(rights_of_service(service, CENTRES) for service in SERVICES.values())) | set(
    chain.from_iterable(map(rights_of_centre, CENTRES))
)


def topics(account: str, action: Action) -> set[str]:
    return {one.name for one in ALL if (one.account, one.action, one.kind) == (account, action, Kind.TOPIC)}


def test_a_centre_writes_its_submissions_and_reads_its_verdicts_and_no_more() -> None:
    assert set(rights_of_centre("karlsruhe")) == {
        Right("centre-karlsruhe", Action.WRITE, Kind.TOPIC, "submissions.karlsruhe"),
        Right("centre-karlsruhe", Action.READ, Kind.TOPIC, "verdicts.karlsruhe"),
        Right("centre-karlsruhe", Action.READ, Kind.GROUP, "centre-karlsruhe"),
    }


def test_every_topic_has_one_writer() -> None:
    for topic in all_topics(CENTRES):
        writers = {one.account for one in ALL if one.name == topic.name and one.action is Action.WRITE}
        assert len(writers) == 1, topic.name


def test_a_service_reads_what_it_subscribes_to() -> None:
    for name, service in SERVICES.items():
        assert topics(name, Action.READ) == {topic.name for topic in service.on}


def test_reporting_reads_every_state_and_writes_nothing() -> None:
    assert topics("reporting", Action.READ) == {topic.name for topic in STATE_TOPICS}
    assert topics("reporting", Action.WRITE) == set()


def test_nobody_shares_a_consumer_group() -> None:
    groups = [(one.name, one.account) for one in ALL if one.kind is Kind.GROUP]
    assert len({name for name, _ in groups}) == len(groups) == len(SERVICES) + len(CENTRES)
    assert centre_account(CENTRES[0]) in {name for name, _ in groups}
