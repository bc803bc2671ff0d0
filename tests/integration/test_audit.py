"""What the auditor says of a sound run, at rest and in the middle of it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka.errors import UnknownTopicOrPartitionError

from audit_ground import Ground
from builders import TUEBINGEN
from chassis.polls import Unreadable
from contracts.submissions import Submission
from contracts.topics import HOUSEHOLDS, submissions
from contracts.vocabulary import Answer
from geleit.audit.finding import Invariant
from geleit.audit.journal import Journal
from geleit.audit.run import Asked, audit
from geleit.failures import advice_on
from geleit.restore import reconcile
from intake.reception import erase_household
from notifications.domain import Wish
from notifications.web.answering import give
from stream import send, send_what_cannot_be_unpacked

pytestmark = pytest.mark.own_servers


async def test_a_sound_run_holds_at_rest_and_on_its_way(ground: Ground) -> None:
    await ground.begin(f"A;Anna;P;1;{TUEBINGEN};uk")
    await ground.submitted("K-1")
    household = await ground.registered("H-1", TUEBINGEN)
    on_its_way = await ground.findings()
    assert {name: one.faults for name, one in on_its_way.items() if one.faults} == {}
    waiting = [name for name, one in on_its_way.items() if one.waiting]
    assert waiting == ["I2", "I5", "I8", "I9"]
    # Whoever says that it is at rest is told that it is not.
    assert [*await ground.broken(patience=timedelta(0))] == waiting
    await ground.consume("intake")
    await ground.flow()
    at_rest = await ground.findings(
        journal=Journal({("H-1", household)}, [(submissions("karlsruhe").name, 0, 0)]),
        canaries=["Oksana", "Melnyk", "Anna"],
        patience=timedelta(0),
    )
    assert {name: (one.faults, one.waiting) for name, one in at_rest.items() if one.faults or one.waiting} == {}
    assert [one.name for one in Invariant if not at_rest[one.name].checked] == []


async def test_a_topic_that_is_missing_is_not_taken_for_a_broker_that_is(ground: Ground) -> None:
    """As of a new centre before `geleit migrate`."""
    services = [
        replace(one, settings=one.settings.model_copy(update={"centres": ("nowhere",)}))
        for one in ground.services.values()
    ]
    with pytest.raises(UnknownTopicOrPartitionError) as missing:
        await audit(services, ground.broker, Asked())
    assert "`geleit migrate`" in advice_on(missing.value)


async def test_who_was_erased_and_what_was_parked_are_no_faults(ground: Ground) -> None:
    await ground.begin(f"A;Anna;P;1;{TUEBINGEN};uk")
    household = await ground.registered("H-1", TUEBINGEN)
    topic, told = submissions("karlsruhe").name, [("ce_type", Submission.ce_type.encode()), ("empty", None)]
    await send(ground.broker.servers, topic, [("k", b"{not json", told), ("k", b"{}", [("ce_type", b"weather.v1")])])
    await ground.consume("intake")
    await ground.flow()
    async with ground.databases["notifications"].transaction() as tx:
        await give(tx, household, Wish(1, Answer.ACCEPTED, None))
    await ground.relay("notifications")
    await ground.flow()
    async with ground.databases["intake"].transaction() as tx:
        assert await erase_household(tx, household)
    await ground.registered("H-1", TUEBINGEN)
    await ground.flow()
    journal = Journal({("H-1", household)})
    assert await ground.broken(patience=timedelta(0), canaries=["Zaphod"]) == {}
    # Another household has the reference since; the one that was promised is erased, and known to have been there.
    assert await ground.broken(journal=journal) == {}
    async with ground.databases["reporting"].transaction() as tx:
        await tx.execute("update household set answer = 'accepted', answered_at = $1 where status = 'erased'", tx.now)
    assert [*await ground.broken()] == ["I5"], "what should have gone"


async def test_what_a_centre_sends_that_cannot_be_unpacked_keeps_nobody_from_an_audit_or_a_restore(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ground.begin(f"A;Anna;P;1;{TUEBINGEN};uk")
    await ground.submitted("K-1")
    await ground.registered("H-1", TUEBINGEN)
    await ground.consume("intake")
    await ground.flow()
    topic = submissions("karlsruhe").name
    await ground.submitted("K-2")
    await send_what_cannot_be_unpacked(ground.broker.servers, topic)
    await ground.submitted("K-3")
    journal = Journal(submitted=[(topic, 0, 1), (topic, 0, 3)])
    (stands,) = (await ground.broken(journal=journal)).pop("I2")
    assert stands.startswith(f"{topic}/0 cannot be unpacked from 2 on: up to 2 records"), stands
    assert list(await ground.broken(journal=journal)) == ["I2"]

    async def nobody(*_: object) -> None:
        pass

    monkeypatch.setattr(reconcile, "_nobody_is_connected", nobody)
    url = ground.services["intake"].settings.database_url
    await reconcile.hold_back(url)
    told, lost = await reconcile.reconcile(list(ground.services.values()), ground.broker, url)
    assert (told["households"].told, lost) == (2, 0)


async def test_what_a_service_sends_that_cannot_be_unpacked_is_named(ground: Ground) -> None:
    await ground.begin()
    await send_what_cannot_be_unpacked(ground.broker.servers, HOUSEHOLDS.name)
    with pytest.raises(Unreadable, match=r"^households/0 from 0 on: UnicodeDecodeError"):
        await ground.findings()


async def test_what_was_parked_of_a_broker_that_is_lost_is_of_another_record(ground: Ground) -> None:
    async with ground.owner() as owner:
        await owner.execute(
            "insert into intake.parked (topic, partition, position, error, wrapped_key, parked_at, expires_at)"
            " select $1, 0, 0, 'Undecodable', '', at - interval '1 day', at from intake.started",
            submissions("karlsruhe").name,
        )
    await ground.submitted("K-1")
    await ground.consume("intake")
    await ground.relay("intake")
    assert await ground.broken() == {}


async def test_a_journal_is_read_line_by_line(tmp_path: Path) -> None:
    file, household = tmp_path / "journal.jsonl", uuid4()
    promised = f'{{"reference": "H-1", "household": "{household}"}}'
    file.write_text(f'{promised}\n{{"topic": "submissions.karlsruhe", "partition": 0, "offset": 7}}\n')
    assert Journal.read(file) == Journal({("H-1", household)}, [("submissions.karlsruhe", 0, 7)])
    revised = f'{{"household": "{household}", "revision": 2}}'
    answered = f'{{"household": "{household}", "item": 1, "answer": "accepted"}}'
    file.write_text(f"{revised}\n{answered}\n")
    assert Journal.read(file) == Journal(revised={household: 2}, answered={household: (1, ("accepted",))})
    again = f'{{"reference": "H-1", "household": "{(other := uuid4())}"}}'
    file.write_text(f"{promised}\n{again}\n")
    assert Journal.read(file).taken == {("H-1", household), ("H-1", other)}
    file.write_text(f"{promised}\n{promised[:-1]}\n")
    with pytest.raises(ValueError, match="line 2 "):
        Journal.read(file)
