"""The roster and the policy in time: imports, cuts, absences, rules that begin; who waits is decided anew."""

from datetime import date, timedelta

import pytest

from builders import NOW, REUTLINGEN, TUEBINGEN, a_household, a_policy
from chassis.vault import Vault
from contracts.policy import Eligibility, Load, Policy
from contracts.vocabulary import Accommodation, Answer, CareReason, CareStatus, LegalGroup, ManagerStatus
from matching import handlers
from matching.domain import Absence
from matching.policy import ensure_policy, publish_policy, shipped
from matching.roster.change import add_absence, change_manager
from matching.roster.file import Carrying, import_roster
from matching.roster.rows import manager_id, name_of
from matching_builders import DAY
from matching_stage import VAULT, Stage

ONE = f"A;Anna Öhm;P;1;{TUEBINGEN};uk"


async def test_managers_are_published_without_their_names(stage: Stage) -> None:
    report = await stage.roster(f"A;Anna Öhm;P;0,75;{TUEBINGEN} {REUTLINGEN};de uk;literacy;120")
    assert (report.added, report.faults) == (1, ())
    (row,) = await stage.rows("select payload from outbox where topic = 'roster'")
    assert "hm" not in row["payload"].decode().replace("hundredths", "")
    (manager,) = await stage.managers()
    assert (manager.id, manager.code, manager.fte_hundredths) == (manager_id("P", "A"), "A", 75)
    assert (manager.capacity, manager.base_load, manager.service_area) == (900, 120, (TUEBINGEN, REUTLINGEN))


async def test_only_what_changed_is_published(stage: Stage) -> None:
    await stage.roster(ONE, f"B;Berta;P;1;{TUEBINGEN}")
    again = await stage.roster(ONE, f"B;Berta;P;0,5;{TUEBINGEN}")
    assert (again.added, again.changed, again.unchanged) == (0, 1, 1)
    assert {(one.code, one.revision) for one in await stage.managers()} == {("A", 1), ("B", 1), ("B", 2)}


async def test_a_preview_names_who_would_be_changed_and_in_which_columns(stage: Stage) -> None:
    await stage.roster(ONE, f"B;Berta;P;1;{TUEBINGEN}", f"C;Carla;P;1;{TUEBINGEN}")
    other = f"B;Berta;P;0,5;{TUEBINGEN} {REUTLINGEN};;;;2022-03-20/2022-03-25"
    report = await stage.roster(ONE, other, f"C;Clara;P;1;{TUEBINGEN}", preview=True)
    assert [(one.provider, one.code, one.columns) for one in report.altered] == [
        ("P", "B", ("fte", "service_area", "absences")),
        ("P", "C", ("name",)),
    ]
    assert (report.changed, report.unchanged) == (2, 1)


async def test_a_faulty_file_changes_nothing(stage: Stage) -> None:
    report = await stage.roster(ONE, "B;Berta;P;1;08999999")
    assert [(one.line, one.column, one.code) for one in report.faults] == [(3, "service_area", "unknown_ags")]
    assert await stage.rows("select from manager") == []


async def test_new_capacity_serves_who_waits(stage: Stage) -> None:
    waits = await stage.arrive()
    assert waits.reason is CareReason.NOT_SERVED
    await stage.roster(ONE)
    (served,) = await stage.pass_time()
    assert (served.household, served.status) == (waits.household, CareStatus.PROPOSED)
    assert served.waiting_since is None


async def test_a_smaller_post_keeps_its_cases_and_takes_no_more(stage: Stage) -> None:
    await stage.roster(ONE)
    care = await stage.arrive(size=20)
    await stage.roster(f"A;Anna Öhm;P;0,1;{TUEBINGEN};uk")
    (row,) = await stage.rows("select load, capacity, tolerated from manager")
    assert tuple(row) == (205, 120, 85)
    assert (await stage.arrive(size=1)).reason is CareReason.NO_CAPACITY
    assert stage.cares[care.household][-1].status is CareStatus.PROPOSED


async def test_who_has_cases_is_not_removed_by_a_complete_file(stage: Stage) -> None:
    await stage.roster(ONE, f"B;Berta;P;1;{REUTLINGEN}")
    care = await stage.arrive()
    refused = await stage.roster(f"B;Berta;P;1;{REUTLINGEN}", complete=True)
    assert refused.carrying == (Carrying("P", "A", 1),)
    assert not refused.possible
    await stage.tell(a_household(id=care.household, revision=2, municipality=REUTLINGEN))
    done = await stage.roster(f"B;Berta;P;1;{REUTLINGEN}", complete=True)
    assert done.removed == 1
    last = (await stage.managers())[-1]
    assert (last.code, last.status) == ("A", ManagerStatus.REMOVED)
    (row,) = await stage.rows("select name_key, name_box from manager where code = 'A'")
    assert tuple(row) == (None, None)
    assert (await stage.arrive()).reason is CareReason.NOT_SERVED


async def test_an_absence_begins_and_ends_by_itself(stage: Stage) -> None:
    await stage.roster(ONE)
    async with stage.database.transaction() as tx:
        assert await add_absence(tx, manager_id("P", "A"), Absence(date(2022, 3, 15), date(2022, 3, 16)))
        assert not await add_absence(tx, manager_id("P", "A"), Absence(date(2022, 3, 16), None))
    assert (await stage.arrive()).status is CareStatus.PROPOSED
    await stage.pass_time(timedelta(days=1))
    waits = await stage.arrive(registered_at=NOW + timedelta(days=1))
    assert waits.reason is CareReason.NOBODY_ACTIVE
    told = await stage.pass_time(timedelta(days=2))
    assert [(one.household, one.status) for one in told] == [(waits.household, CareStatus.PROPOSED)]


async def test_an_absence_concerns_who_waits_where_she_serves(stage: Stage) -> None:
    """A hundred on a Monday are not a hundred times the waiting list of the whole state."""
    await stage.roster(ONE)
    await stage.pass_time()
    async with stage.database.transaction() as tx:
        await add_absence(tx, manager_id("P", "A"), Absence(date(2022, 3, 14), None))
    assert [row["kind"] for row in await stage.rows("select kind from due")] == ["absence"]


async def test_who_comes_back_with_a_last_day_is_not_passed_over_beside_a_long_list(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "BATCH", 1)
    header, times = "code;name;provider;fte;service_area;active_until;absences", "2022-04-30;2022-03-01/2022-03-15"
    towns = (TUEBINGEN, REUTLINGEN)
    lines = [f"{town};N;P;1;{town};{times}" for town in towns]
    async with stage.database.transaction() as tx:
        await import_roster(tx, VAULT, "\n".join([header, *lines]).encode())
    await stage.pass_time()
    waits = [await stage.arrive(municipality=town) for town in towns]
    await stage.pass_time(timedelta(days=2))
    assert [stage.cares[one.household][-1].status for one in waits] == [CareStatus.PROPOSED] * 2


async def test_who_waits_is_told_when_the_reason_changes(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;0,25;{TUEBINGEN};uk;;300")
    waits = await stage.arrive()
    assert waits.reason is CareReason.NO_CAPACITY
    async with stage.database.transaction() as tx:
        await add_absence(tx, manager_id("P", "A"), Absence(date(2022, 3, 14), None))
    (told,) = await stage.pass_time()
    assert (told.reason, told.waiting_since) == (CareReason.NOBODY_ACTIVE, waits.waiting_since)
    assert await stage.pass_time() == []


async def test_more_than_one_batch_waits_and_all_are_served_in_order(stage: Stage) -> None:
    registered = [NOW + timedelta(seconds=number) for number in range(1100)]
    await stage.tell(*(a_household(size=1, registered_at=at) for at in registered))
    await stage.roster(*(f"M{number};N;P;1;{TUEBINGEN}" for number in range(10)))
    told = await stage.pass_time()
    served = [one.registered_at for one in told if one.registered_at and one.status is CareStatus.PROPOSED]
    assert sorted(served) == registered[:800], "ten posts carry eighty single persons each"
    assert {one.reason for one in told if one.status is CareStatus.WAITING} == {CareReason.NO_CAPACITY}


async def test_a_full_managers_list_is_left_alone(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;0,25;{TUEBINGEN};uk;;270")
    first = await stage.arrive(size=2)
    for _ in range(3):
        await stage.arrive(size=2, registered_at=NOW + timedelta(minutes=1))
    before = len(await stage.rows("select from decision"))
    await stage.answer(first, Answer.ACCEPTED)
    await stage.pass_time()
    assert len(await stage.rows("select from decision")) == before


async def test_the_shipped_policy_is_published_once(stage: Stage) -> None:
    async with stage.database.transaction() as tx:
        assert await ensure_policy(tx) == ()
    (row,) = await stage.rows("select payload from outbox where topic = 'policy'")
    assert Policy.model_validate_json(row["payload"]) == shipped()


async def test_a_release_that_ships_another_policy_leaves_the_one_in_force(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matching.policy.shipped", lambda: a_policy(version="of a later release"))
    async with stage.database.transaction() as tx:
        assert await ensure_policy(tx) == ()


async def test_who_never_leaves_and_whose_absence_has_no_end_may_be_written_as_the_last_day(stage: Stage) -> None:
    header = "code;name;provider;fte;service_area;active_until;absences"
    async with stage.database.transaction() as tx:
        report = await import_roster(
            tx,
            VAULT,
            f"{header}\nA;Anna;P;1;{TUEBINGEN};9999-12-31;\nB;Berta;P;1;{TUEBINGEN};;2022-01-01/9999-12-31\n".encode(),
        )
    assert report.possible
    assert (await stage.arrive()).assignee


async def test_an_import_is_in_the_trail_and_a_preview_is_not(stage: Stage) -> None:
    await stage.roster(ONE, preview=True)
    await stage.roster("A;Anna Öhm;P;-1;nowhere")
    await stage.roster(ONE)
    rows = await stage.rows("select actor, subject, details from audit where action = 'import_roster'")
    assert list(map(tuple, rows)) == [("system", "roster", {"added": 1, "changed": 0, "removed": 0})]


async def test_names_sealed_with_another_master_key_are_sealed_anew(stage: Stage) -> None:
    file = f"code;name;provider;fte;service_area\nA;Anna Öhm;P;1;{TUEBINGEN}".encode()
    other = Vault(bytes(31) + b"1")
    async with stage.database.transaction() as tx:
        assert (await import_roster(tx, VAULT, file)).added == 1
    for preview in (True, False):
        async with stage.database.transaction() as tx:
            report = await import_roster(tx, other, file, preview=preview)
            assert (report.changed, report.sealed_anew) == (1, 1)
    async with stage.database.transaction() as tx:
        report = await import_roster(tx, other, file)
        assert (report.unchanged, report.sealed_anew) == (1, 0)
    (row,) = await stage.rows("select id, name_key, name_box from manager")
    assert name_of(row, other) == "Anna Öhm"


async def test_a_new_policy_changes_capacities_and_adds_who_was_not_eligible(stage: Stage) -> None:
    await stage.roster(ONE)
    care = await stage.arrive(legal_group=LegalGroup.TOLERATED, accommodation=Accommodation.FOLLOW_UP)
    assert care.status is CareStatus.PROPOSED
    refused = await stage.arrive(legal_group=LegalGroup.OBLIGED_TO_LEAVE)
    begins = date(2022, 3, 20)
    newer = a_policy(
        version="later",
        units_per_fte=600,
        load=shipped().load,
        eligibility=(
            *shipped().eligibility,
            Eligibility(
                valid_from=begins,
                legal_group=LegalGroup.OBLIGED_TO_LEAVE,
                stages=tuple(Accommodation),
                source="A decree of this test",
            ),
        ),
    )
    async with stage.database.transaction() as tx:
        await tx.publish(await publish_policy(tx, newer))
    assert (await stage.managers())[-1].capacity == 600
    assert await stage.pass_time() == [], "the rule has not begun"
    told = await stage.pass_time(timedelta(days=6))
    assert [(one.household, one.status, one.policy) for one in told] == [
        (refused.household, CareStatus.PROPOSED, "later")
    ]
    assert stage.cares[care.household][-1].policy == "2022-03-11.2"


async def test_a_post_that_changes_on_a_day_changes_capacity_then(stage: Stage) -> None:
    header = "code;name;provider;fte;service_area;fte_changes"
    growing = f"{header}\nA;Anna;P;0;{TUEBINGEN};2022-03-20:0,25 2022-04-01:0\n"
    async with stage.database.transaction() as tx:
        assert (await import_roster(tx, VAULT, growing.encode())).added == 1
    waits = await stage.arrive(size=1)
    assert waits.reason is CareReason.NO_CAPACITY
    assert await stage.pass_time(timedelta(days=3)) == []
    told = await stage.pass_time(timedelta(days=3))
    assert [(one.household, one.status) for one in told] == [(waits.household, CareStatus.PROPOSED)]
    assert (await stage.managers())[-1].fte_hundredths == 25
    await stage.pass_time(timedelta(days=12))
    assert (await stage.managers())[-1].capacity == 0
    assert (await stage.arrive(size=1)).reason is CareReason.NO_CAPACITY
    assert await stage.load("A") == stage.cares[waits.household][-1].weight, "who is there stays"
    async with stage.database.transaction() as tx:
        same = await import_roster(tx, VAULT, growing.encode())
    assert (same.unchanged, same.changed) == (1, 0)
    async with stage.database.transaction() as tx:
        assert (await import_roster(tx, VAULT, f"{header}\nA;Anna;P;0;{TUEBINGEN};2022-03-20 0,5".encode())).faults


async def test_a_change_of_a_post_alone_is_of_the_managers_revision(stage: Stage) -> None:
    """Who has her form open has seen the changes that there were."""
    header = "code;name;provider;fte;service_area;fte_changes"
    for changes in ("2022-05-01:0,5", "2022-05-01:0,5", "2022-06-01:0,5"):
        async with stage.database.transaction() as tx:
            await import_roster(tx, VAULT, f"{header}\nA;Anna;P;1;{TUEBINGEN};{changes}\n".encode())
    assert [one.revision for one in await stage.managers()] == [1, 2]


async def test_an_answer_does_not_put_off_that_a_case_weighs_anew(stage: Stage) -> None:
    await stage.roster(ONE)
    care = await stage.arrive(size=2)
    heavier = shipped().model_copy(update={"version": "heavier", "load": Load(per_case=5, per_person=20, per_skill=5)})
    async with stage.database.transaction() as tx:
        await tx.publish(await publish_policy(tx, heavier))
    await stage.answer(care, Answer.ACCEPTED)
    assert stage.cares[care.household][-1].weight == 25, "the worker has not come to it yet"
    await stage.pass_time()
    assert stage.cares[care.household][-1].weight == 45
    assert await stage.load("A") == 45


async def test_who_waits_for_the_next_week_is_looked_at_when_it_begins(stage: Stage) -> None:
    header = "code;name;provider;fte;service_area;max_new_per_week"
    async with stage.database.transaction() as tx:
        await import_roster(tx, VAULT, f"{header}\nA;Anna;P;1;{TUEBINGEN};1\n".encode())
    await stage.arrive()
    waits = await stage.arrive(registered_at=stage.clock.now + timedelta(seconds=1))
    assert waits.reason is CareReason.WEEK_FULL
    stage.clock.now += timedelta(days=7)
    await stage.arrive(registered_at=stage.clock.now)
    assert stage.cares[waits.household][-1].status is CareStatus.WAITING
    await stage.pass_time(timedelta(days=7))
    assert stage.cares[waits.household][-1].status is CareStatus.PROPOSED


async def test_who_waits_for_a_week_s_place_comes_before_who_arrives_in_that_week(stage: Stage) -> None:
    header = "code;name;provider;fte;service_area;max_new_per_week"
    async with stage.database.transaction() as tx:
        await import_roster(tx, VAULT, f"{header}\nA;Anna;P;1;{TUEBINGEN};1\n".encode())
    await stage.arrive()
    waiting = [await stage.arrive(registered_at=stage.clock.now + timedelta(seconds=n)) for n in (1, 2, 3)]
    for week, care in enumerate(waiting):
        await stage.pass_time(timedelta(days=7))
        assert stage.cares[care.household][-1].status is CareStatus.PROPOSED, f"week {week}"
    late = await stage.arrive(registered_at=stage.clock.now)
    assert late.reason is CareReason.WEEK_FULL


async def test_a_week_that_begins_is_noticed_by_who_waits_for_units_of_another(stage: Stage) -> None:
    header = "code;name;provider;fte;service_area;base_load;max_new_per_week"
    lines = f"A;Anna;P;0,25;{TUEBINGEN};300;\nB;Berta;P;1;{TUEBINGEN};;1\n"
    async with stage.database.transaction() as tx:
        await import_roster(tx, VAULT, f"{header}\n{lines}".encode())
    assert (await stage.arrive()).status is CareStatus.PROPOSED
    waits = await stage.arrive(registered_at=stage.clock.now + timedelta(seconds=1))
    assert waits.reason is CareReason.NO_CAPACITY
    assert await stage.pass_time() == [], "all that the import has set going is done"
    await stage.pass_time(timedelta(days=7))
    assert stage.cares[waits.household][-1].status is CareStatus.PROPOSED


async def test_who_waits_when_weekly_limits_begin_is_looked_at_next_week(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;0,25;{TUEBINGEN};;;300")
    first, second = [await stage.arrive(registered_at=NOW + timedelta(seconds=number)) for number in range(2)]
    header = "code;name;provider;fte;service_area;base_load;max_new_per_week"
    async with stage.database.transaction() as tx:
        await import_roster(tx, VAULT, f"{header}\nB;Berta;P;1;{TUEBINGEN};;1\n".encode())
    await stage.pass_time()
    newest = [stage.cares[one.household][-1] for one in (first, second)]
    assert [one.reason for one in newest] == [CareReason.MATCHED, CareReason.NO_CAPACITY]
    await stage.pass_time(timedelta(days=7))
    assert stage.cares[second.household][-1].status is CareStatus.PROPOSED


async def test_a_change_of_a_post_that_is_taken_back_does_not_come(stage: Stage) -> None:
    header = "code;name;provider;fte;service_area;fte_changes"
    half = f"{DAY + timedelta(days=5)}:0,5"
    for changes in (f"{half} {DAY + timedelta(days=50)}:1", half):
        async with stage.database.transaction() as tx:
            await import_roster(tx, VAULT, f"{header}\nA;Anna;P;1;{TUEBINGEN};{changes}\n".encode())
        await stage.pass_time(timedelta(days=10))
    (her,) = await stage.rows("select id, revision from manager")
    cells = {"fte": "0,75", "service_area": TUEBINGEN, "office": TUEBINGEN}
    async with stage.database.transaction() as tx:
        assert (await change_manager(tx, her["id"], cells, seen=str(her["revision"]), places="08")).changed
    await stage.pass_time(timedelta(days=60))
    assert [row["fte_hundredths"] for row in await stage.rows("select fte_hundredths from manager")] == [75]


async def test_a_policy_that_changes_only_a_later_phase_takes_no_case_its_ageing(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN}")
    care = await stage.arrive()
    before = stage.cares[care.household][-1].weight
    policy = shipped()
    *phases, last = policy.load.phases
    changed = policy.load.model_copy(update={"phases": (*phases, last.model_copy(update={"percent": 40}))})
    newer = policy.model_copy(update={"version": "later", "load": changed})
    async with stage.database.transaction() as tx:
        await tx.publish(await publish_policy(tx, newer))
    await stage.pass_time()
    assert stage.cares[care.household][-1].weight == before
    await stage.pass_time(timedelta(days=last.after_days + 1))
    assert stage.cares[care.household][-1].weight <= before * 0.45
