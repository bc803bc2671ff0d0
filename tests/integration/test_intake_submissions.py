"""Submissions of a centre: every record has its verdict, once, and what is accepted is published."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis import parked
from chassis.database import Database
from chassis.trail import listed
from chassis.vault import Vault
from clocks import SetClock
from contracts.households import Household
from contracts.record import Record, State
from contracts.submissions import Submission
from contracts.verdicts import Verdict
from contracts.vocabulary import HouseholdStatus, Outcome, SubmissionKind
from contracts.zone import day_only
from gauged import figure
from intake import reception, store
from intake.handlers import on_submissions
from intake.identity import encrypt
from intake.municipalities import import_register
from intake_world import ENTRIES, with_register
from integration.conftest import OpenDatabase
from offers import NOW, a_person, an_identity, some_keys, stated_facts
from rows import rows, somebody_waits
from stream import eventually, raw_record

REGISTER, CORRECT, WITHDRAW = SubmissionKind.REGISTER, SubmissionKind.CORRECT, SubmissionKind.WITHDRAW
DEPART = SubmissionKind.DEPART
TOPIC = "submissions.karlsruhe"
HOUR = timedelta(hours=1)
HANDLE = on_submissions(some_keys)


@pytest.fixture
async def intake(database: OpenDatabase) -> Database:
    return await with_register(await database("intake", clock=SetClock(NOW)))


def a_submission(
    kind: SubmissionKind = REGISTER,
    reference: str = "KA-1",
    *,
    facts: Mapping[str, Any] | None = None,
    identity: Mapping[str, Any] | None = None,
    version: int | None = None,
) -> Submission:
    if kind is REGISTER:
        facts, identity = facts or stated_facts(), identity or an_identity()
    return Submission(
        reference=reference,
        version=version,
        kind=kind,
        facts=dict(facts) if facts else None,
        identity=encrypt(identity, some_keys().public_jwk) if identity else None,
    )


def records(*submissions: Submission, start: int = 0) -> list[Record[Submission]]:
    return [Record(one, TOPIC, 0, offset) for offset, one in enumerate(submissions, start)]


async def handle(intake: Database, batch: Sequence[Record[Submission]]) -> tuple[list[Household], list[Verdict]]:
    async with intake.transaction() as tx:
        states: Sequence[State] = await HANDLE(batch, tx)
        await tx.publish(states)
    households = [state for state in states if isinstance(state, Household)]
    return households, [state for state in states if isinstance(state, Verdict)]


async def outcomes(intake: Database) -> Counter[str]:
    return Counter(outcome for (outcome,) in await rows(intake, "select outcome from verdict"))


async def test_verdicts_are_counted_by_what_they_say(intake: Database) -> None:
    def count(outcome: Outcome) -> float:
        return figure("geleit_verdicts_total", centre="karlsruhe", channel="kafka", outcome=outcome)

    before = {outcome: count(outcome) for outcome in Outcome}
    await handle(
        intake, records(a_submission(), a_submission(), a_submission(reference="KA-2"), a_submission(WITHDRAW, "KA-9"))
    )
    counted = {outcome: count(outcome) - before[outcome] for outcome in Outcome if count(outcome) > before[outcome]}
    assert counted == {Outcome.ACCEPTED: 2, Outcome.DUPLICATE: 1, Outcome.REJECTED: 1}


async def test_a_registration_is_accepted_and_told_without_a_name(intake: Database) -> None:
    households, verdicts = await handle(intake, records(a_submission()))
    assert [one.outcome for one in verdicts] == [Outcome.ACCEPTED]
    assert (verdicts[0].household, verdicts[0].revision) == (households[0].id, 1)
    async with intake.transaction() as tx:
        payloads = [bytes(row["payload"]) for row in await tx.fetch("select payload from outbox")]
        row = await tx.fetchrow("select * from household")
        sealed = await tx.fetchval("select sealed from person_vault")
    assert row is not None
    stored = b"".join([*payloads, str(dict(row)).encode(), bytes(sealed)])
    # Two letters stand in what is sealed by chance, too; not between quotation marks.
    for secret in (b"Oksana", b"Melnyk", b"1988-05-02", b'"UA"', b"'UA'", b"123456"):
        assert secret not in stored


async def test_a_redelivered_record_is_not_ruled_twice(intake: Database) -> None:
    batch = records(a_submission(), a_submission(CORRECT, facts=stated_facts(languages=["ru"])))
    await handle(intake, batch)
    assert await handle(intake, batch) == ([], [])
    assert await outcomes(intake) == {"accepted": 1, "corrected": 1}


async def test_a_record_that_two_workers_have_is_ruled_once(intake: Database) -> None:
    """One that has lost its partition and does not know it yet, and one that has got it."""
    batch = records(a_submission())

    async with intake.transaction() as tx:
        await tx.publish(await HANDLE(batch, tx))
        second = asyncio.create_task(handle(intake, batch))
        await eventually(lambda: somebody_waits(intake))
    assert await second == ([], [])
    assert await outcomes(intake) == {"accepted": 1}


async def test_a_position_of_a_topic_that_was_made_anew_is_another_record(intake: Database) -> None:
    await handle(intake, records(a_submission()))
    _, verdicts = await handle(intake, records(a_submission(reference="KA-2")))
    assert [one.outcome for one in verdicts] == [Outcome.ACCEPTED]


async def test_the_same_form_sent_again_is_a_duplicate_of_the_same_household(intake: Database) -> None:
    households, _ = await handle(intake, records(a_submission()))
    again, verdicts = await handle(intake, records(a_submission(), start=1))
    assert again == []
    assert [(one.outcome, one.household, one.revision) for one in verdicts] == [
        (Outcome.DUPLICATE, households[0].id, 2)
    ]


async def test_what_a_centre_has_changed_by_kafka_is_in_the_trail(intake: Database) -> None:
    batch = records(a_submission(), a_submission(), a_submission(CORRECT, facts=stated_facts(languages=["ru"])))
    households, _ = await handle(intake, batch)
    of = str(households[0].id)
    async with intake.transaction() as tx:
        entries = [(one.actor, one.role, one.action) for one in await listed(tx, subject=of, limit=9)]
    assert entries == [(TOPIC, "centre", "household.corrected"), (TOPIC, "centre", "household.accepted")]


async def test_a_centre_says_that_a_household_has_left(intake: Database) -> None:
    batch = records(a_submission(), a_submission(DEPART))
    households, verdicts = await handle(intake, batch)
    assert [one.outcome for one in verdicts] == ["accepted", "departed"]
    assert [one.status for one in households] == [HouseholdStatus.ACTIVE, HouseholdStatus.DEPARTED]
    assert await outcomes(intake) == {"accepted": 1, "departed": 1}


async def test_records_of_one_reference_in_one_batch_are_applied_in_order(intake: Database) -> None:
    batch = records(
        a_submission(version=1),
        a_submission(CORRECT, facts=stated_facts(municipality="08415061"), version=2),
        a_submission(CORRECT, facts=stated_facts(), version=1),
        a_submission(WITHDRAW, version=3),
        a_submission(reference="KA-2"),
    )
    households, verdicts = await handle(intake, batch)
    assert [one.outcome for one in verdicts] == ["accepted", "corrected", "duplicate", "withdrawn", "accepted"]
    assert [one.revision for one in verdicts] == [1, 2, 3, 4, 1]
    assert [(one.revision, one.status) for one in households[:3]] == [
        (1, HouseholdStatus.ACTIVE),
        (2, HouseholdStatus.ACTIVE),
        (3, HouseholdStatus.WITHDRAWN),
    ]
    async with intake.transaction() as tx:
        kept = (await store.households(tx, [households[0].id]))[households[0].id]
    assert (kept.revision, kept.version, kept.status) == (3, 3, HouseholdStatus.WITHDRAWN)


async def test_a_correction_of_facts_takes_the_ages_from_the_vault(intake: Database) -> None:
    await handle(intake, records(a_submission()))
    later = a_submission(CORRECT, facts=stated_facts(arrived_on="2020-11-01"))
    households, _ = await handle(intake, records(later, start=1))
    assert households[0].facts is not None
    # Five when the family came in 2022, four on the day that it really came.
    assert households[0].facts.age_bands == {"0-4": 1, "18-59": 1}


async def test_bad_records_are_rejected_with_all_their_reasons_and_hurt_no_other(intake: Database) -> None:
    undecryptable = a_submission(reference="KA-2").model_copy(update={"identity": "a.b.c.d.e"})
    bad_facts = a_submission(
        reference="KA-3",
        facts=stated_facts(municipality="08999999", languages=7),
        identity=an_identity(a_person(birth_date="2022-03-17")),
    )
    no_identity = Submission(reference="KA-4", kind=REGISTER, facts={"arrived_on": 10**30, "x": [[[[]]]]})
    batch = records(
        a_submission(),
        undecryptable,
        bad_facts,
        no_identity,
        a_submission(CORRECT, "KA-9"),
        a_submission(WITHDRAW, "KA-9"),
    )
    households, verdicts = await handle(intake, batch)
    assert len(households) == 1
    found = [{(problem.pointer, problem.code) for problem in one.problems} for one in verdicts[1:]]
    assert found[0] == {("/identity", "identity_undecryptable")}
    assert found[1] == {
        ("/facts/municipality", "unknown_municipality"),
        ("/facts/languages", "wrong_type"),
        ("/identity/persons/0/birth_date", "born_in_future"),
    }
    assert {("/identity", "missing"), ("/facts/arrived_on", "not_a_date")} <= found[2]
    assert found[3] == found[4] == {("/reference", "unknown_reference")}
    assert await outcomes(intake) == {"accepted": 1, "rejected": 5}


async def test_every_offer_is_counted_once(intake: Database) -> None:
    batch = records(
        *(a_submission(reference=f"KA-{number % 7}") for number in range(20)),
        *(a_submission(WITHDRAW, f"KA-{number}") for number in range(9)),
    )
    await handle(intake, batch)
    await handle(intake, batch)
    assert await outcomes(intake) == {"accepted": 7, "duplicate": 13, "withdrawn": 7, "rejected": 2}


async def test_the_same_reference_of_two_centres_are_two_households(intake: Database) -> None:
    await handle(intake, records(a_submission()))
    other = [Record(a_submission(), "submissions.ellwangen", 0, 0)]
    households, verdicts = await handle(intake, other)
    assert [one.centre for one in households] == ["ellwangen"]
    assert [one.centre for one in verdicts] == ["ellwangen"]


async def test_what_goes_out_continues_the_trace_of_the_submission(intake: Database) -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-00"
    async with intake.transaction() as tx:
        tx.traces["KA-1"] = traceparent
        await tx.publish(await HANDLE(records(a_submission()), tx))
        rows = await tx.fetch("select topic, traceparent from outbox where topic <> 'municipalities'")
    assert {row["topic"]: row["traceparent"] for row in rows} == {
        "households": traceparent,
        "verdicts.karlsruhe": traceparent,
    }


async def test_erasure_destroys_the_key_and_leaves_a_last_state(intake: Database) -> None:
    households, _ = await handle(intake, records(a_submission()))
    household = households[0].id
    async with intake.transaction() as tx:
        assert await reception.erase_household(tx, household)
        assert await store.sealed(tx, [household]) == {}
        last = await tx.fetchval("select payload from outbox where key = $1 order by id desc limit 1", str(household))
        assert not await reception.erase_household(tx, household)
    told = Household.model_validate_json(last)
    assert (told.revision, told.status, told.facts) == (2, HouseholdStatus.ERASED, None)
    assert told.registered_at
    assert (told.registered_at, told.changed_at) == (day_only(told.registered_at), None)
    async with intake.transaction() as tx:
        kept = await tx.fetchrow(
            "select h.registered_at, v.reference from household h join verdict v on v.household = h.id where h.id = $1",
            household,
        )
    assert kept
    assert tuple(kept) == (told.registered_at, None)
    again, verdicts = await handle(intake, records(a_submission(), start=5))
    assert again[0].id != household
    # Else who reads verdicts by their number would drop it as an old one.
    assert [one.revision for one in verdicts] == [2]


def parked_since(submission: Submission, offered_at: datetime, offset: int = 0) -> list[Record[Submission]]:
    """A record whose turn was before those that were read since."""
    return [replace(one, offered_at=offered_at) for one in records(submission, start=offset)]


async def test_what_was_parked_undoes_nothing_that_was_decided_since(intake: Database) -> None:
    old, new = (a_submission(CORRECT, facts=stated_facts(languages=[one])) for one in ("ru", "tr"))
    (first,), _ = await handle(intake, records(a_submission()))
    await handle(intake, records(new, start=2))
    for late in (old, a_submission(WITHDRAW)):
        households, (verdict,) = await handle(intake, parked_since(late, NOW - HOUR, 1))
        assert (households, verdict.outcome, verdict.household) == ([], Outcome.REJECTED, first.id)
        assert [one.code for one in verdict.problems] == ["overtaken"]
    # Sent again it holds: it is newer now.
    (corrected,), _ = await handle(intake, records(old, start=3))
    assert corrected.facts
    assert corrected.facts.languages == ("ru",)


async def test_what_was_parked_undoes_nothing_that_was_stated_by_http_since(intake: Database) -> None:
    keys = some_keys()
    await handle(intake, records(a_submission()))
    by_http = reception.offer(keys, WITHDRAW, "KA-1", None)
    async with intake.transaction() as tx:
        await reception.take_one(tx, keys, "karlsruhe", by_http)
    late = a_submission(CORRECT, facts=stated_facts(languages=["ru"]))
    households, (verdict,) = await handle(intake, parked_since(late, NOW - HOUR, 1))
    assert (households, [one.code for one in verdict.problems]) == ([], ["overtaken"])


@pytest.mark.parametrize(("version", "outcome"), [(2, Outcome.DUPLICATE), (4, Outcome.CORRECTED)])
async def test_where_there_are_versions_they_say_what_is_newer(
    intake: Database, version: int, outcome: Outcome
) -> None:
    await handle(intake, records(a_submission(version=1)))
    await handle(intake, records(a_submission(CORRECT, facts=stated_facts(languages=["tr"]), version=3), start=2))
    late = a_submission(CORRECT, facts=stated_facts(languages=["ru"]), version=version)
    _, (verdict,) = await handle(intake, parked_since(late, NOW - HOUR, 1))
    assert verdict.outcome is outcome


async def test_what_was_parked_is_applied_where_nothing_newer_was(intake: Database) -> None:
    await handle(intake, records(a_submission(), a_submission(reference="KA-2")))
    # What came behind it was a slip, and changed nothing.
    await handle(intake, records(a_submission(REGISTER, facts=stated_facts(languages=["tr"])), start=3))
    (corrected,), _ = await handle(
        intake, parked_since(a_submission(CORRECT, facts=stated_facts(languages=["ru"])), NOW - HOUR, 2)
    )
    assert corrected.facts
    assert corrected.facts.languages == ("ru",)


async def test_what_was_parked_goes_with_the_erasure(intake: Database) -> None:
    vault = Vault(bytes(32))
    (first,), _ = await handle(intake, records(a_submission(version=1), start=1))
    async with intake.transaction() as tx:
        for offset, submission in enumerate((a_submission(version=2), a_submission(reference="KA-2"))):
            raw = raw_record(submission, topic=TOPIC, offset=10 + offset)
            await parked.park(tx, vault, raw, "unknown_version", None)
    async with intake.transaction() as tx:
        assert await reception.erase_household(tx, first.id)
    async with intake.transaction() as tx:
        gone, other = await parked.listed(tx, resolved=True)
        kept = await tx.fetch("select payload, about from parked where resolved_at is not null")
    assert (gone.resolution, other.resolution) == ("discarded: the household is erased", None)
    assert [tuple(row) for row in kept] == [(None, None)]


async def test_an_import_publishes_only_what_changed(intake: Database) -> None:
    tuebingen, reutlingen = ENTRIES
    async with intake.transaction() as tx:
        report = await import_register(tx, [replace(tuebingen, population=93_000), reutlingen])
        assert (report.added, report.changed, report.dissolved) == (0, 1, 0)
        rows = await tx.fetch("select key, revision from outbox order by id")
        report = await import_register(tx, [reutlingen])
        assert (report.added, report.changed, report.dissolved) == (0, 0, 1)
    assert [(row["key"], row["revision"]) for row in rows] == [("08415061", 1), ("08416041", 1), ("08416041", 2)]
    _, verdicts = await handle(intake, records(a_submission()))
    assert [problem.code for problem in verdicts[0].problems] == ["unknown_municipality"]


async def test_only_the_household_of_a_dissolved_municipality_keeps_it(intake: Database) -> None:
    _, reutlingen = ENTRIES
    await handle(intake, records(a_submission()))
    async with intake.transaction() as tx:
        await import_register(tx, [reutlingen])
    corrected, registered = a_submission(CORRECT, facts=stated_facts(languages=["ru"])), a_submission(reference="KA-2")
    _, verdicts = await handle(intake, records(corrected, registered, start=1))
    assert [one.outcome for one in verdicts] == [Outcome.CORRECTED, Outcome.REJECTED]
    assert [problem.code for problem in verdicts[1].problems] == ["unknown_municipality"]
