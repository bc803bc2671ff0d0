"""What may follow what in the care of a household."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from builders import NOW, REUTLINGEN, STUTTGART, TUEBINGEN
from contracts.vocabulary import (
    Accommodation,
    Answer,
    AnswerReason,
    Applied,
    CareReason,
    CareStatus,
    DeclineEffect,
    HouseholdStatus,
    LegalGroup,
)
from contracts.zone import day_only
from matching.answers import answered
from matching.ask import Override, Stay, Undo, Wish
from matching.days import start_of
from matching.domain import Carried, Decline, Load, Manager, OverrideReason, Phase, Priority, Rule
from matching.lifecycle import (
    PUT_ASIDE,
    AnswerSeen,
    Care,
    Case,
    Earlier,
    Reply,
    Step,
    again_step,
    aged,
    anew_at,
    changed,
    decided,
    ended,
    kept_apart,
    next_phase,
    retold,
    waiting_turn,
    waits_since,
)
from matching.match import Decision
from matching.settlement import Ledger, release
from matching_builders import DAY, ask, facts, household, manager, policy, proposed, reply

LATER = NOW + timedelta(days=1)
WITHDRAWN = HouseholdStatus.WITHDRAWN
HERS = manager(service_area=frozenset({TUEBINGEN, REUTLINGEN}))
DECLINED = Earlier(
    1, HERS.id, NOW, NOW, CareStatus.WAITING, CareReason.NO_CAPACITY, Answer.DECLINED, AnswerReason.OVERLOADED
)


def follow(care: Care | None, **of_household: Any) -> Step:
    case = Case(household(revision=2, **of_household), care)
    return changed(case, facts(), HERS if care and care.manager else None, policy=policy(), day=DAY, now=LATER)


def waiting(**overrides: Any) -> Care:
    values: dict[str, Any] = {"manager": None, "item": None, "weight": 0, "status": CareStatus.WAITING}
    return replace(proposed(HERS), **(values | {"assigned_at": None, "answer_by": None} | overrides))


def answer(care: Care, given: Answer, **overrides: Any) -> Care:
    step = answered(Case(household(), care), reply(given, **overrides), LATER, policy())
    assert step is not None
    assert step.care is not None
    return step.care


def later(given: Answer, **overrides: Any) -> Reply:
    return replace(reply(given, **overrides), answered_at=LATER)


@pytest.mark.parametrize("status", [CareStatus.PROPOSED, CareStatus.CONFIRMED])
def test_a_correction_that_decides_nothing_keeps_the_manager_and_weighs_anew(status: CareStatus) -> None:
    step = follow(proposed(HERS, status=status), size=5, languages=("ru",))
    assert not step.decide
    assert step.care is not None
    assert (step.care.manager, step.care.weight, step.care.revision) == (HERS.id, 55, 2)
    assert step.care.household_revision == 2


@pytest.mark.parametrize("status", [CareStatus.PROPOSED, CareStatus.CONFIRMED])
def test_a_move_within_her_service_area_is_a_decision_for_the_same_manager(status: CareStatus) -> None:
    step = follow(proposed(HERS, status=status), municipality=REUTLINGEN, size=5)
    assert (step.decide, step.wish) == (True, Stay(HERS.id, new=True))
    step = follow(proposed(HERS, status=status, assigned_at=NOW - timedelta(days=1)), municipality=REUTLINGEN)
    assert (step.decide, step.wish) == (True, Stay(HERS.id)), "it came to her last week"


@pytest.mark.parametrize("days", [0, 1])
def test_a_case_that_ends_gives_back_a_place_of_the_week_in_which_it_came(days: int) -> None:
    came = NOW - timedelta(days=days)
    moved = Earlier(1, HERS.id, came, NOW, CareStatus.PROPOSED, CareReason.MANAGER_STAYS)
    elsewhere = Earlier(1, HERS.id, NOW, NOW, CareStatus.PROPOSED, CareReason.MATCHED)
    new = {}
    for earlier in ((), (moved,), (moved, replace(moved, item=2, assigned_at=NOW)), (moved, elsewhere)):
        assigned_at = LATER if earlier else came
        before = proposed(HERS, item=3, assigned_at=assigned_at, earlier=earlier)
        ledger = Ledger({HERS.id: Carried(35, 1)})
        release(ledger, [Step(Case(household(), before), ended(before, CareReason.CLOSED, LATER))], LATER)
        new[earlier] = ledger.carried[HERS.id].new
    # It came to her on Monday or on the day before, and went to somebody else and back only this week.
    assert [*new.values()] == [days, days, days, 0]


def test_a_move_out_of_her_service_area_is_decided_anew() -> None:
    step = follow(proposed(HERS), municipality=STUTTGART)
    assert (step.decide, step.wish) == (True, None)


@pytest.mark.parametrize("municipality", [TUEBINGEN, REUTLINGEN])
def test_a_correction_that_shows_who_is_not_counselled_is_decided_anew(municipality: str) -> None:
    step = follow(proposed(HERS), legal_group=LegalGroup.OBLIGED_TO_LEAVE, municipality=municipality)
    assert (step.decide, step.wish) == (True, None)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (HouseholdStatus.WITHDRAWN, CareReason.HOUSEHOLD_WITHDRAWN),
        (HouseholdStatus.DEPARTED, CareReason.HOUSEHOLD_DEPARTED),
        (HouseholdStatus.MERGED, CareReason.HOUSEHOLD_MERGED),
        (HouseholdStatus.HANDED_OVER, CareReason.HOUSEHOLD_HANDED_OVER),
        (HouseholdStatus.ERASED, CareReason.HOUSEHOLD_ERASED),
    ],
)
@pytest.mark.parametrize("care", [None, proposed(HERS)], ids=["from the start", "assigned"])
def test_who_is_no_longer_here_is_no_longer_cared_for(
    care: Care | None, status: HouseholdStatus, reason: CareReason
) -> None:
    ended = follow(care, status=status).care
    assert ended is not None
    when = day_only(LATER) if status is HouseholdStatus.ERASED else LATER
    assert (ended.status, ended.reason, ended.ended_at) == (CareStatus.ENDED, reason, when)
    assert (ended.manager, ended.weight, ended.revision) == (None, 0, 2 if care else 1)
    assert len(ended.earlier) == (1 if care else 0)


def test_an_erased_household_keeps_neither_receipt_nor_times() -> None:
    at = NOW + timedelta(minutes=7, microseconds=3)
    kept = proposed(
        HERS,
        receipt="ab" * 32,
        assigned_at=at,
        decided_at=at,
        earlier=(replace(DECLINED, assigned_at=at, answered_at=at, contacted_at=at),),
        last_answer=AnswerSeen(2, 3, Answer.TRANSFER_REQUESTED, Applied.APPLIED, at),
    )
    step = follow(kept, status=HouseholdStatus.ERASED, registered_at=at)
    assert step.care is not None
    assert step.care.receipt is None
    assert step.care.last_answer == AnswerSeen(2, 3, Answer.TRANSFER_REQUESTED, Applied.APPLIED)
    told = [step.case.household.registered_at, step.care.decided_at, step.care.ended_at]
    told += [time for one in step.care.earlier for time in (one.assigned_at, one.ended_at)]
    told += [time for one in step.care.earlier[:1] for time in (one.answered_at, one.contacted_at)]
    assert [one for one in told if one is None or one != day_only(one)] == []


def test_a_roster_that_changes_moves_nobody() -> None:
    elsewhere = manager(service_area=frozenset({STUTTGART}))
    case = Case(household(revision=2, languages=("ru",)), proposed(elsewhere, status=CareStatus.CONFIRMED))
    step = changed(case, facts(), elsewhere, policy=policy(), day=DAY, now=LATER)
    assert not step.decide


@pytest.mark.parametrize("fact", [{"residence_title": "60a"}, {"counselling_extended": False}], ids=["title", "period"])
def test_a_correction_that_takes_away_what_counselling_rests_on_is_decided_anew(fact: dict[str, Any]) -> None:
    rule = Rule(date(2022, 3, 11), LegalGroup.DISPLACED_UKRAINIAN, tuple(Accommodation), 3, 4, ("24",))
    stated: dict[str, Any] = {"residence_title": "24", "counselling_extended": True, "allotted_on": date(2019, 1, 1)}
    case = Case(household(revision=2, **(stated | fact)), proposed(HERS, status=CareStatus.CONFIRMED))
    assert changed(case, facts(**stated), HERS, policy=policy(rules=(rule,)), day=DAY, now=LATER).decide


@pytest.mark.parametrize(
    "stays_by",
    [{"allotted_on": date(2019, 1, 1)}, {"legal_group": LegalGroup.OBLIGED_TO_LEAVE}],
    ids=["a period that is over", "a person's decision"],
)
def test_who_stays_in_care_though_not_counselled_stays_after_a_correction_that_shows_nothing_new(
    stays_by: dict[str, Any],
) -> None:
    rule = Rule(date(2022, 3, 11), LegalGroup.DISPLACED_UKRAINIAN, tuple(Accommodation), 3, 4, ())
    corrected = {"accommodation": Accommodation.FOLLOW_UP}
    case = Case(household(revision=2, **(stays_by | corrected)), proposed(HERS, status=CareStatus.CONFIRMED))
    step = changed(case, facts(**stays_by), HERS, policy=policy(rules=(rule,)), day=DAY, now=LATER)
    assert not step.decide
    new = Case(household(revision=2, **(stays_by | {"unaccompanied_minor": True})), case.care)
    assert changed(new, facts(**stays_by), HERS, policy=policy(rules=(rule,)), day=DAY, now=LATER).decide


def test_who_stays_in_care_though_not_counselled_stays_when_a_correction_shows_who_is() -> None:
    case = Case(household(revision=2, allotted_on=date(2021, 1, 1)), proposed(HERS, status=CareStatus.CONFIRMED))
    step = changed(case, facts(allotted_on=date(2019, 1, 1)), HERS, policy=policy(), day=DAY, now=LATER)
    assert not step.decide


def test_who_shares_an_identifier_with_strangers_has_no_family() -> None:
    one = household(family_group=uuid4())
    assert one.facts
    assert Case(one).facts == one.facts
    assert Case(one, strangers=True).facts == replace(one.facts, family_group=None)
    assert Case(household(status=HouseholdStatus.ERASED), strangers=True).facts is None


def test_what_a_decline_ended_begins_again_only_in_another_municipality() -> None:
    declined = waiting(status=CareStatus.ENDED, reason=CareReason.DECLINED, ended_at=NOW)
    assert not follow(declined, languages=("ru",)).decide
    assert follow(declined, municipality=REUTLINGEN).decide


def test_who_was_declined_waits_since_the_registration_and_who_was_in_care_from_now() -> None:
    one = household(registered_at=NOW - timedelta(days=9))
    assert waits_since(Step(Case(one), proposed(HERS)), NOW) == one.registered_at
    assert waits_since(Step(Case(one), proposed(HERS, status=CareStatus.CONFIRMED)), NOW) == NOW


def test_who_waits_keeps_the_turn_when_decided_anew() -> None:
    one = household(registered_at=NOW - timedelta(days=9))
    assert waits_since(Step(Case(one), None), LATER) == one.registered_at
    assert waits_since(Step(Case(one), waiting(waiting_since=NOW)), LATER) == NOW


@pytest.mark.parametrize("wish", [Override(uuid4(), OverrideReason.COVER), Stay(HERS.id)], ids=["cover", "move"])
def test_who_has_been_in_care_waits_since_then_when_the_next_proposal_is_declined(wish: Wish) -> None:
    one = household(registered_at=NOW - timedelta(days=700))
    before = proposed(HERS, status=CareStatus.CONFIRMED)

    def follows(care: Care, now: datetime, to: Manager | None, **more: Any) -> Care:
        status, reason = (CareStatus.PROPOSED, CareReason.MATCHED) if to else (CareStatus.WAITING, CareReason.WEEK_FULL)
        case = Case(one, care)
        step = Step(case, care, decide=True, **more)
        decision = Decision(ask(), status, reason, 35, waits_since(step, now), to)
        return decided(step, decision, now=now, answer_by=now, policy=policy(), receipt="")

    handed_over = follows(before, LATER, manager(id=wish.manager), wish=wish)
    declined = follows(handed_over, LATER + timedelta(days=1), None)
    assert declined.waiting_since == LATER
    again = follows(declined, LATER + timedelta(days=2), HERS)
    assert follows(again, LATER + timedelta(days=3), None).waiting_since == LATER


def test_of_several_times_in_care_the_last_one_counts() -> None:
    in_care = [replace(DECLINED, in_care=True, ended_at=at) for at in (NOW, LATER)]
    care = proposed(HERS, item=3, earlier=(*in_care, replace(DECLINED, ended_at=LATER + timedelta(days=1))))
    assert waits_since(Step(Case(household()), care), LATER + timedelta(days=2)) == LATER


def test_who_gives_a_case_back_leaves_nothing_of_it_on_the_care() -> None:
    one = household()
    before = proposed(
        HERS, household=one.id, status=CareStatus.CONFIRMED, answer_by=NOW, answered_at=NOW, contacted_at=NOW
    )
    step = answered(Case(one, before), reply(Answer.DECLINED, reason=AnswerReason.LANGUAGE), LATER, policy())
    assert step
    waits = Decision(ask(), CareStatus.WAITING, CareReason.WEEK_FULL, 35, LATER)
    after = decided(step, waits, now=LATER, answer_by=LATER, policy=policy(), receipt="ab")
    gave_back = replace(
        DECLINED,
        ended_at=LATER,
        reason=CareReason.WEEK_FULL,
        answer_reason=AnswerReason.LANGUAGE,
        in_care=True,
        answered_at=NOW,
        contacted_at=NOW,
    )
    assert after == Care(
        one.id,
        revision=2,
        household_revision=1,
        status=CareStatus.WAITING,
        reason=CareReason.WEEK_FULL,
        decided_at=LATER,
        waiting_since=LATER,
        policy="test",
        receipt="ab",
        last_answer=AnswerSeen(1, 1, Answer.DECLINED, Applied.APPLIED),
        earlier=(gave_back,),
    )


def test_a_proposal_is_an_item_of_its_own_and_begins_no_sooner_than_the_one_before_ended() -> None:
    one, due = household(), LATER + timedelta(days=3)
    chosen = Decision(ask(), CareStatus.PROPOSED, CareReason.MATCHED, 35, NOW, HERS)

    def proposal(care: Care | None, now: datetime) -> Care:
        step = Step(Case(one, care), care, decide=True)
        return decided(step, chosen, now=now, answer_by=due, policy=policy(), receipt="ab")

    first = proposal(None, NOW)
    same: dict[str, Any] = {"household": one.id, "answer_by": due, "policy": "test", "receipt": "ab"}
    assert first == proposed(HERS, **same)
    ended_later = waiting(**same, revision=4, waiting_since=NOW, earlier=(replace(DECLINED, ended_at=LATER),))
    assert proposal(waiting(**same), LATER).assigned_at == LATER
    again = proposal(ended_later, NOW)
    assert (again.revision, again.item, again.assigned_at, again.waiting_since) == (5, 5, LATER, None)


def test_what_has_ended_keeps_its_time_whatever_ends_it_after() -> None:
    gone = follow(waiting(status=CareStatus.ENDED, reason=CareReason.CLOSED, ended_at=NOW), status=WITHDRAWN).care
    assert gone
    assert (gone.reason, gone.ended_at, gone.decided_at) == (CareReason.HOUSEHOLD_WITHDRAWN, NOW, LATER)
    assert gone.household_revision == 2
    waited = follow(waiting(waiting_since=NOW), status=WITHDRAWN).care
    assert waited
    assert (waited.ended_at, waited.waiting_since) == (LATER, None)


def test_who_accepted_and_gave_back_what_is_read_together_was_in_care() -> None:
    one = household(registered_at=NOW - timedelta(days=90))
    both = reply(Answer.DECLINED, accepted_at=NOW)
    step = answered(Case(one, proposed(HERS)), both, LATER, policy())
    assert step
    decision = Decision(ask(), CareStatus.WAITING, CareReason.WEEK_FULL, 35, waits_since(step, LATER))
    after = decided(step, decision, now=LATER, answer_by=LATER, policy=policy(), receipt="")
    assert (after.earlier[-1].in_care, after.waiting_since) == (True, LATER)


def test_what_was_closed_begins_again_only_in_another_municipality() -> None:
    closed = waiting(status=CareStatus.ENDED, reason=CareReason.CLOSED, ended_at=NOW)
    assert not follow(closed, size=5).decide
    assert not follow(closed, municipality=None).decide
    assert follow(closed, municipality=REUTLINGEN).decide


def test_who_is_new_and_who_waits_for_a_manager_is_decided_by_whatever_is_told() -> None:
    step = follow(None)
    assert (step.decide, step.care) == (True, None)
    assert follow(waiting(reason=CareReason.NO_CAPACITY)).decide


def test_who_comes_back_is_decided_again() -> None:
    gone = waiting(status=CareStatus.ENDED, reason=CareReason.HOUSEHOLD_WITHDRAWN, ended_at=NOW)
    assert follow(gone).decide


def test_an_acceptance_confirms() -> None:
    care = answer(proposed(HERS), Answer.ACCEPTED)
    assert (care.status, care.reason, care.answered_at, care.item) == (
        CareStatus.CONFIRMED,
        CareReason.ACCEPTED,
        NOW,
        1,
    )
    assert (care.revision, care.answer_by) == (2, None)


def test_a_contact_after_an_acceptance_leaves_its_time_and_is_known_by_whatever_comes_next() -> None:
    accepted = answer(proposed(HERS), Answer.ACCEPTED)
    met = answered(Case(household(), accepted), later(Answer.CONTACTED, revision=2), LATER, policy())
    assert met
    assert met.care
    assert (met.care.answered_at, met.care.contacted_at) == (NOW, LATER)
    asked = answer(met.care, Answer.TRANSFER_REQUESTED, revision=3, reason=AnswerReason.LANGUAGE)
    assert (asked.answered_at, asked.contacted_at) == (NOW, LATER)


def test_who_has_contacted_a_household_has_accepted_it() -> None:
    care = answer(proposed(HERS), Answer.CONTACTED)
    assert (care.status, care.answered_at, care.contacted_at) == (CareStatus.CONFIRMED, NOW, NOW)


def test_a_contact_tells_when_the_acceptance_before_it_was() -> None:
    step = answered(Case(household(), proposed(HERS)), later(Answer.CONTACTED, accepted_at=NOW), LATER, policy())
    assert step
    assert step.care
    assert (step.care.answered_at, step.care.contacted_at) == (NOW, LATER)


def test_a_contact_tells_of_the_acceptance_before_it() -> None:
    care = answer(proposed(HERS), Answer.CONTACTED, revision=3, accepted_at=NOW, contacted_at=LATER)
    assert (care.status, care.answered_at, care.contacted_at) == (CareStatus.CONFIRMED, NOW, LATER)


@pytest.mark.parametrize("status", [CareStatus.PROPOSED, CareStatus.CONFIRMED])
def test_a_decline_excludes_the_manager_and_decides_anew(status: CareStatus) -> None:
    given = reply(Answer.DECLINED, reason=AnswerReason.LANGUAGE)
    step = answered(Case(household(), proposed(HERS, status=status)), given, LATER, policy())
    assert step is not None
    assert (step.decide, step.exclude, step.reply) == (True, HERS.id, given)


@pytest.mark.parametrize("effect", list(DeclineEffect))
def test_what_follows_a_decline_is_the_policys_to_say(effect: DeclineEffect) -> None:
    given = reply(Answer.DECLINED, reason=AnswerReason.LANGUAGE)
    rules = policy(declines={AnswerReason.LANGUAGE: Decline(effect, 60)})
    case = Case(household(), proposed(HERS))
    step = answered(case, given, LATER, rules)
    assert step is not None
    assert step.care is not None
    assert (step.exclude, step.reply) == (HERS.id, given), "she has declined, and no person keeps her apart"
    assert step.again == (LATER + timedelta(days=60) if effect is DeclineEffect.PARK else None)
    expected = {
        DeclineEffect.CHOOSE_AGAIN: (True, CareStatus.PROPOSED, CareReason.MATCHED),
        DeclineEffect.PARK: (False, CareStatus.WAITING, CareReason.PARKED),
        DeclineEffect.REASSESS: (False, CareStatus.WAITING, CareReason.TO_BE_REASSESSED),
        DeclineEffect.WITHDRAW: (False, CareStatus.ENDED, CareReason.DECLINED),
    }
    assert (step.decide, step.care.status, step.care.reason) == expected[effect]
    if effect is DeclineEffect.CHOOSE_AGAIN:
        return
    assert (step.care.manager, step.care.weight, step.care.decided_at) == (None, 0, LATER)
    assert step.care.waiting_since == (None if effect is DeclineEffect.WITHDRAW else LATER)
    undone = answered(replace(case, care=step.care), reply(Answer.UNDONE, revision=2), LATER, rules)
    assert undone is not None
    assert undone.wish == Undo(HERS.id)
    accepted = Case(household(), proposed(HERS, status=CareStatus.CONFIRMED))
    late = answered(accepted, given, LATER, rules)
    assert late is not None
    assert late.decide, "who is in care already is not left alone by a decline"


@pytest.mark.parametrize("reason", [CareReason.PARKED, CareReason.TO_BE_REASSESSED])
def test_who_was_put_aside_is_decided_when_the_facts_change(reason: CareReason) -> None:
    assert follow(waiting(reason=reason), size=5).decide


@pytest.mark.parametrize("reason", [CareReason.PARKED, CareReason.TO_BE_REASSESSED])
def test_who_was_put_aside_stays_so_when_only_the_identity_is_corrected(reason: CareReason) -> None:
    aside = waiting(reason=reason, waiting_since=NOW)
    step = follow(aside)
    assert (step.decide, step.care) == (False, replace(aside, revision=2, household_revision=2))
    case = Case(household(revision=2), aside)
    assert changed(case, facts(), None, policy=policy(rules=()), day=DAY, now=LATER).decide, "nobody is counselled"
    assert changed(case, None, None, policy=policy(), day=DAY, now=LATER).decide, "what was known before is gone"


def test_who_was_put_aside_stays_so_only_while_eligible() -> None:
    aside = Case(household(), waiting(reason=CareReason.TO_BE_REASSESSED))
    assert again_step(aside, policy(), DAY) is None
    assert again_step(aside, policy(), DAY, {CareReason.TO_BE_REASSESSED}) is not None
    assert again_step(aside, policy(rules=()), DAY) is not None


def test_who_waits_for_a_manager_is_looked_at_again_and_who_has_one_is_not() -> None:
    for status in (CareStatus.WAITING, CareStatus.NOT_ELIGIBLE):
        case = Case(household(), waiting(status=status))
        assert again_step(case, policy(), DAY) == Step(case, case.care, decide=True, quiet=True)
    erased = Case(household(status=HouseholdStatus.ERASED), waiting())
    others = (Case(household()), erased, Case(household(), proposed(HERS)))
    assert [again_step(case, policy(), DAY) for case in others] == [None] * 3


@pytest.mark.parametrize("reason", [CareReason.OVERRIDDEN, CareReason.MANAGER_STAYS])
def test_a_rule_takes_back_no_proposal_but_its_own(reason: CareReason) -> None:
    nobody = policy(rules=())
    assert again_step(Case(household(), proposed(HERS)), nobody, DAY) is not None
    assert again_step(Case(household(), proposed(HERS, reason=reason)), nobody, DAY) is None


def test_who_waits_has_a_turn_but_whom_nobody_looks_for_a_manager() -> None:
    rules = policy(priorities=(Priority(hours=5),))
    waits = waiting(reason=CareReason.NO_CAPACITY, waiting_since=LATER)
    assert waiting_turn(household(), waits, rules) == LATER - timedelta(hours=5)
    none = [waiting_turn(household(), replace(waits, reason=reason), rules) for reason in PUT_ASIDE]
    none += [waiting_turn(household(), proposed(HERS), rules)]
    none += [waiting_turn(household(status=HouseholdStatus.ERASED), waits, rules)]
    assert none == [None] * 4


def test_whom_a_person_keeps_apart_is_decided_anew_if_she_has_them_or_they_wait() -> None:
    hers, waits = Case(household(), proposed(HERS)), Case(household(), waiting())
    assert kept_apart(hers, HERS.id) == Step(hers, hers.care, decide=True, exclude=HERS.id)
    assert kept_apart(waits, HERS.id) == Step(waits, waits.care, decide=True, exclude=HERS.id, quiet=True)
    others = (
        None,
        proposed(manager()),
        waiting(reason=CareReason.PARKED),
        waiting(status=CareStatus.ENDED, reason=CareReason.CLOSED),
        waiting(status=CareStatus.NOT_ELIGIBLE, reason=CareReason.LEGAL_GROUP),
    )
    assert [kept_apart(Case(household(), care), HERS.id) for care in others] == [None] * len(others)


def test_a_policy_that_begins_is_told_to_whom_somebody_has_and_whose_period_runs() -> None:
    begun = household(allotted_on=DAY)
    care = proposed(HERS)
    assert retold(Case(begun, care)) == Step(Case(begun, care), replace(care, revision=2))
    others = (
        Case(begun),
        Case(begun, waiting()),
        Case(household(), care),
        Case(household(status=HouseholdStatus.ERASED), care),
    )
    assert [retold(case) for case in others] == [None] * len(others)


def test_a_case_weighs_what_its_phase_says() -> None:
    phases = (Phase(0, 150), Phase(30, 100), Phase(365, 50))
    rules = policy(load=Load(per_case=5, per_person=10, per_skill=5, phases=phases))
    care = proposed(HERS, weight=53)
    case = Case(household(), care)
    weights = {}
    for days in (0, 29, 30, 364, 365):
        step = aged(case, rules, DAY + timedelta(days=days))
        weights[days] = step.care.weight if step and step.care else care.weight
    assert weights == {0: 53, 29: 53, 30: 35, 364: 35, 365: 18}
    assert next_phase(care, rules, DAY) == DAY + timedelta(days=30)
    assert next_phase(care, rules, DAY + timedelta(days=30)) == DAY + timedelta(days=365)
    assert next_phase(care, rules, DAY + timedelta(days=365)) is None
    erased = Case(household(status=HouseholdStatus.ERASED), care)
    others = (Case(household(), waiting()), Case(household()), erased, replace(case, care=replace(care, weight=53)))
    assert [aged(one, rules, DAY) for one in others] == [None] * 4, "nobody has them, or they weigh the same"


def test_a_transfer_is_asked_for_confirmed_cases_only() -> None:
    asked = reply(Answer.TRANSFER_REQUESTED, reason=AnswerReason.LANGUAGE)
    early = answered(Case(household(), proposed(HERS)), asked, LATER, policy())
    assert early is not None
    assert not early.decide
    assert early.care is not None
    assert early.care.last_answer is not None
    assert early.care.last_answer.applied is Applied.STALE
    confirmed = answered(Case(household(), proposed(HERS, status=CareStatus.CONFIRMED)), asked, LATER, policy())
    assert confirmed is not None
    assert confirmed.asks_for_transfer
    assert not early.asks_for_transfer
    assert not confirmed.decide, "the manager keeps the case until a person confirms the next"
    assert confirmed.care is not None
    assert confirmed.care.manager == HERS.id


@pytest.mark.parametrize(
    ("given", "reason"), [(Answer.DECLINED, AnswerReason.LANGUAGE), (Answer.CLOSED, AnswerReason.MOVED_AWAY)]
)
def test_a_request_for_a_transfer_is_over_with_the_case(given: Answer, reason: AnswerReason) -> None:
    told = replace(reply(given, reason=reason, revision=3), transfer_requested_at=LATER)
    step = answered(Case(household(), proposed(HERS, status=CareStatus.CONFIRMED)), told, LATER, policy())
    assert step is not None
    assert not step.asks_for_transfer


def test_a_request_for_a_transfer_that_a_later_answer_tells_of_counts_once() -> None:
    def told(care: Care, **overrides: Any) -> Step:
        given = replace(reply(Answer.CONTACTED), **overrides)
        step = answered(Case(household(), care), given, LATER, policy())
        assert step
        assert step.care
        return step

    confirmed = proposed(HERS, status=CareStatus.CONFIRMED)
    assert not told(confirmed).asks_for_transfer
    first = told(confirmed, revision=2, transfer_requested_at=NOW)
    assert first.asks_for_transfer
    assert first.care
    assert not told(first.care, revision=3, transfer_requested_at=NOW).asks_for_transfer
    assert not told(first.care, revision=3).asks_for_transfer
    assert told(first.care, revision=3, transfer_requested_at=LATER).asks_for_transfer
    another = replace(first.care, item=4)
    assert told(another, revision=3, item=4, transfer_requested_at=NOW).asks_for_transfer


def test_a_close_ends_and_remembers_why() -> None:
    care = answer(proposed(HERS), Answer.CLOSED, reason=AnswerReason.MOVED_AWAY)
    assert (care.status, care.reason, care.ended_at) == (CareStatus.ENDED, CareReason.CLOSED, LATER)
    assert [(one.answer, one.answer_reason) for one in care.earlier] == [(Answer.CLOSED, AnswerReason.MOVED_AWAY)]


@pytest.mark.parametrize("given", list(Answer))
@pytest.mark.parametrize("care", [proposed(HERS, item=7), waiting()], ids=["another item", "nobody"])
def test_an_answer_to_what_no_longer_stands_is_stale_and_told(care: Care, given: Answer) -> None:
    after = answer(care, given)
    assert after.last_answer is not None
    assert after.last_answer.applied is Applied.STALE
    assert (after.status, after.manager, after.item) == (care.status, care.manager, care.item)
    assert after.revision == care.revision + 1


def test_an_answer_that_was_seen_does_nothing() -> None:
    seen = answer(proposed(HERS), Answer.ACCEPTED, revision=2)
    assert answered(Case(household(), seen), reply(Answer.CLOSED, revision=2), LATER, policy()) is None
    assert answered(Case(household(), seen), reply(Answer.CLOSED, revision=1), LATER, policy()) is None


def test_a_decline_is_undone_while_nobody_else_was_chosen() -> None:
    care = waiting(earlier=(DECLINED,), revision=2)
    step = answered(Case(household(), care), reply(Answer.UNDONE, revision=2), LATER, policy())
    assert step is not None
    assert (step.wish, step.readmit, step.decide) == (Undo(HERS.id), HERS.id, True)


@pytest.mark.parametrize("given", [Answer.ACCEPTED, Answer.CONTACTED, Answer.TRANSFER_REQUESTED])
def test_an_acceptance_of_what_was_declined_tells_of_the_undoing_before_it(given: Answer) -> None:
    told = reply(given, revision=3, accepted_at=LATER)
    step = answered(Case(household(), waiting(earlier=(DECLINED,), revision=2)), told, LATER, policy())
    assert step is not None
    assert (step.wish, step.readmit, step.decide) == (Undo(HERS.id), HERS.id, True)
    somebody = proposed(manager(), item=2, revision=2, earlier=(DECLINED,))
    seen = answer(somebody, given, revision=3).last_answer
    assert seen is not None
    assert seen.applied is Applied.STALE


def test_who_closes_what_was_declined_has_undone_that_before() -> None:
    told = reply(Answer.CLOSED, revision=5, reason=AnswerReason.NO_CONTACT, accepted_at=LATER)
    case = Case(household(), waiting(earlier=(DECLINED,), revision=2), frozenset({HERS.id}))
    step = answered(case, told, LATER, policy())
    assert step is not None
    assert step.readmit == HERS.id, "she has not declined it any more"
    apart = answered(replace(case, apart=frozenset({HERS.id})), told, LATER, policy())
    assert apart is not None
    assert apart.readmit is None
    assert (step.care and step.care.status, step.decide) == (CareStatus.ENDED, False)
    assert step.care
    assert step.care.reason is CareReason.CLOSED
    assert step.care.last_answer
    assert step.care.last_answer.applied is Applied.APPLIED
    somebody = proposed(manager(), item=2, revision=2, earlier=(DECLINED,))
    kept = answer(somebody, Answer.CLOSED, revision=5, reason=AnswerReason.NO_CONTACT)
    assert kept.last_answer
    assert (kept.status, kept.last_answer.applied) == (CareStatus.PROPOSED, Applied.STALE)


@pytest.mark.parametrize("given", [Answer.UNDONE, Answer.ACCEPTED, Answer.CLOSED])
@pytest.mark.parametrize(
    "newest", [replace(DECLINED, item=2), replace(DECLINED, answer=None)], ids=["another item", "not declined"]
)
def test_only_the_newest_decline_can_be_undone(newest: Earlier, given: Answer) -> None:
    after = answer(waiting(earlier=(DECLINED, newest), revision=4), given, revision=2)
    assert after.last_answer is not None
    assert (after.last_answer.applied, after.status) == (Applied.STALE, CareStatus.WAITING)


def test_an_undone_decline_brings_nobody_back_whom_a_person_keeps_apart() -> None:
    case = Case(household(), waiting(earlier=(DECLINED,), revision=2), frozenset({HERS.id}), apart=frozenset({HERS.id}))
    step = answered(case, reply(Answer.UNDONE, revision=2), LATER, policy())
    assert step is not None
    assert (step.wish, step.readmit, step.decide) == (Undo(HERS.id), None, True)


def test_a_decline_is_not_undone_once_somebody_else_has_the_case() -> None:
    other = proposed(manager(), item=2, revision=2, earlier=(DECLINED,))
    after = answer(other, Answer.UNDONE, revision=2)
    assert after.last_answer is not None
    assert (after.last_answer.applied, after.manager) == (Applied.STALE, other.manager)


@pytest.mark.parametrize("accepted_at", [None, LATER])
def test_a_decline_and_its_undoing_that_come_together_change_nothing(accepted_at: datetime | None) -> None:
    """Who declines what was accepted and takes that back is asked again."""
    after = answer(proposed(HERS), Answer.UNDONE, revision=2, accepted_at=accepted_at)
    assert after.last_answer is not None
    assert (after.last_answer.applied, after.status) == (Applied.APPLIED, CareStatus.PROPOSED)


def test_who_waits_comes_back_when_the_counselling_period_is_over_and_who_is_parked_when_that_is() -> None:
    rule = Rule(date(2022, 3, 11), LegalGroup.DISPLACED_UKRAINIAN, tuple(Accommodation), 3, 4)
    case = Case(household(allotted_on=date(2020, 2, 29)))

    def at(care: Care, **more: Any) -> datetime | None:
        return anew_at(Step(case, care, **more), care, policy(rules=(rule,)), DAY)

    over = start_of(date(2023, 3, 1))
    assert [at(waiting(status=CareStatus.WAITING)), at(proposed(HERS))] == [over, over]
    assert at(proposed(HERS, status=CareStatus.CONFIRMED)) is None
    parked = waiting(status=CareStatus.WAITING, reason=CareReason.PARKED)
    assert [at(parked, again=LATER), at(parked)] == [LATER, None]
