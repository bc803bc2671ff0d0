"""A household's life: registered, corrected, withdrawn, erased; and what an old or wrong offer changes: nothing."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from contracts.topics import home_partition
from contracts.vocabulary import AgeBand, HouseholdChange, HouseholdStatus, Outcome, SubmissionKind
from contracts.zone import day_only
from intake.domain import Changed, Decision, Duplicate, Household, Offer, Rejection, decide, erase
from intake.forms import read_form
from intake.stated import Identity, Problem
from offers import HOUSEHOLD, NOW, a_desk, a_person, a_registered, an_identity, an_offer, stated_facts

CORRECT, WITHDRAW, DEPART = SubmissionKind.CORRECT, SubmissionKind.WITHDRAW, SubmissionKind.DEPART


def decided(offer: Offer, known: Household | None = None, on_file: Identity | None = None) -> Decision:
    return decide(offer, known, on_file, a_desk(), uuid4())


def changed(decision: Decision) -> Changed:
    assert isinstance(decision, Changed), decision
    return decision


def codes(decision: Decision) -> list[tuple[str, str]]:
    assert isinstance(decision, Rejection), decision
    return [(problem.pointer, problem.code) for problem in decision.problems]


def test_a_registration_makes_the_first_revision_with_size_and_ages() -> None:
    decision = changed(decide(an_offer(), None, None, a_desk(), HOUSEHOLD))
    household = decision.household
    assert (decision.outcome, household.revision, household.status) == (Outcome.ACCEPTED, 1, HouseholdStatus.ACTIVE)
    assert household.facts is not None
    assert (household.facts.size, household.facts.district) == (2, "08416")
    assert household.facts.age_bands == {AgeBand.CHILD: 1, AgeBand.ADULT: 1}
    assert household.home == home_partition(HOUSEHOLD, "08416")
    assert household.registered_at == household.changed_at == NOW
    assert household.change is HouseholdChange.REGISTERED


def test_nothing_is_registered_without_a_reference() -> None:
    assert codes(decided(replace(an_offer(), reference=None))) == [("/reference", "missing")]


def test_a_household_without_a_municipality_lives_where_its_id_says() -> None:
    household = a_registered(facts=stated_facts(municipality=None))
    assert household.home == home_partition(HOUSEHOLD, None)


def test_a_household_whose_district_is_stated_lives_there() -> None:
    household = a_registered(facts=stated_facts(municipality=None, district="08416"))
    assert household.facts is not None
    assert household.facts.district == "08416"
    assert household.home == home_partition(HOUSEHOLD, "08416")


def test_a_municipality_says_the_district_whatever_else_is_stated() -> None:
    household = a_registered(facts=stated_facts(district="08111"))
    assert household.facts is not None
    assert household.facts.district == "08416"


def test_the_same_form_again_is_a_duplicate() -> None:
    known = a_registered()
    assert decided(an_offer(), known) == Duplicate(known)


def test_the_form_before_the_last_correction_is_a_duplicate_too() -> None:
    known = a_registered()
    now = changed(decided(an_offer(CORRECT, facts=stated_facts(languages=["ru"]), identity=an_identity()), known))
    assert decided(an_offer(), now.household) == Duplicate(now.household)


def test_the_same_correction_again_is_a_duplicate() -> None:
    correction = an_offer(CORRECT, facts=stated_facts(languages=["ru"]), identity=an_identity())
    now = changed(decided(correction, a_registered())).household
    assert decided(correction, now) == Duplicate(now)


def test_the_digest_of_the_persons_is_that_of_the_newest_who_were_stated() -> None:
    known = a_registered()
    assert known.person_digest == an_offer().person_digest is not None
    on_file = read_form(None, an_identity()).identity
    facts = changed(decided(an_offer(CORRECT, facts=stated_facts(languages=["ru"])), known, on_file)).household
    assert facts.person_digest == known.person_digest
    offer = an_offer(CORRECT, identity=an_identity(a_person(given_name="Iryna")))
    persons = changed(decided(offer, known)).household
    assert persons.person_digest == offer.person_digest != known.person_digest


def test_a_form_that_is_known_is_a_duplicate_though_it_comes_with_a_version_now() -> None:
    known = a_registered()
    assert decided(an_offer(version=1), known) == Duplicate(known)


@pytest.mark.parametrize("kind", [SubmissionKind.REGISTER, CORRECT])
def test_a_field_that_cannot_be_read_is_told_though_the_form_without_it_is_known(kind: SubmissionKind) -> None:
    facts = stated_facts(municipality=None)
    known = a_registered(facts=facts)
    offer = an_offer(kind, facts=facts | {"municipality": "Tübingen"}, identity=an_identity())
    assert ("/facts/municipality", "malformed") in codes(decided(offer, known))


def test_a_used_reference_does_not_overwrite_another_family() -> None:
    other = an_offer(identity=an_identity(a_person(given_name="Iryna")))
    assert codes(decided(other, a_registered())) == [("/reference", "reference_taken")]


def test_the_reference_of_a_household_that_has_ended_is_not_to_be_corrected() -> None:
    gone = changed(decided(an_offer(WITHDRAW), a_registered())).household
    assert decided(an_offer(), gone) == Duplicate(gone)
    assert codes(decided(an_offer(facts=stated_facts(languages=["ru"])), gone)) == [("/reference", "reference_ended")]
    assert codes(decided(replace(an_offer(), by_hand=True), gone)) == [("/reference", "reference_ended")]


def test_a_correction_by_hand_may_go_back_to_an_earlier_form() -> None:
    known = a_registered()
    other = changed(decided(an_offer(CORRECT, facts=stated_facts(languages=["ru"]), identity=an_identity()), known))
    back = replace(an_offer(CORRECT, facts=stated_facts(), identity=an_identity()), by_hand=True)
    assert changed(decided(back, other.household)).household.facts == known.facts


@pytest.mark.parametrize("version", [1, 2])
def test_an_equal_or_older_version_is_a_duplicate_whatever_it_says(version: int) -> None:
    known = a_registered(version=2)
    offer = an_offer(version=version, facts=stated_facts(languages=["ru"]))
    assert decided(offer, known) == Duplicate(known)


def test_a_newer_version_of_a_registration_corrects() -> None:
    decision = changed(decided(an_offer(version=2, facts=stated_facts(languages=["ru"])), a_registered(version=1)))
    assert (decision.outcome, decision.household.revision, decision.household.version) == (Outcome.CORRECTED, 2, 2)
    assert decision.household.change is HouseholdChange.CORRECTED


def test_what_comes_without_a_version_is_heard_and_leaves_the_version() -> None:
    known = a_registered(version=3)
    offer = an_offer(CORRECT, facts=stated_facts(languages=["ru"]), identity=an_identity())
    household = changed(decided(offer, known)).household
    assert (household.revision, household.version) == (2, 3)
    assert changed(decided(an_offer(WITHDRAW), known)).household.version == 3


def test_what_was_overtaken_while_it_was_parked_is_judged_by_its_version_or_refused() -> None:
    late = replace(an_offer(CORRECT, version=2, identity=an_identity(a_person())), overtaken=True)
    assert changed(decided(late, a_registered(version=1))).household.version == 2
    known = a_registered()
    for offer in (late, replace(late, version=None)):
        assert codes(decided(offer, known)) == [("", "overtaken")]
    assert codes(decided(late)) == [("", "overtaken")], "nobody has that reference any more"


def test_a_newer_version_of_a_registration_is_a_whole_form() -> None:
    on_file = read_form(None, an_identity()).identity
    offer = Offer(SubmissionKind.REGISTER, "KA-1", 2, read_form(stated_facts(), None))
    assert codes(decided(offer, a_registered(version=1), on_file)) == [("/identity", "missing")]


def test_a_correction_says_when_it_was() -> None:
    later = NOW + timedelta(days=1)
    offer = an_offer(CORRECT, facts=stated_facts(languages=["ru"]), identity=an_identity())
    household = changed(decide(offer, a_registered(), None, a_desk(now=later), uuid4())).household
    assert (household.registered_at, household.changed_at) == (NOW, later)


def test_a_correction_may_state_once_more_a_municipality_that_is_there_no_longer() -> None:
    desk = a_desk(municipalities=frozenset({"08415061"}))
    same = an_offer(CORRECT, facts=stated_facts(languages=["ru"]), identity=an_identity())
    assert changed(decide(same, a_registered(), None, desk, uuid4())).household.revision == 2
    elsewhere = a_registered(facts=stated_facts(municipality="08415061"))
    assert codes(decide(same, elsewhere, None, desk, uuid4())) == [("/facts/municipality", "unknown_municipality")]


def test_a_correction_of_the_municipality_is_a_move_and_leaves_the_home_partition() -> None:
    known = a_registered()
    offer = an_offer(CORRECT, facts=stated_facts(municipality="08415061"), identity=an_identity())
    household = changed(decided(offer, known)).household
    assert household.change is HouseholdChange.MOVED
    assert household.home == known.home
    assert household.facts is not None
    assert household.facts.district == "08415"


def test_a_correction_of_the_facts_alone_keeps_the_persons_on_file() -> None:
    on_file = read_form(None, an_identity()).identity
    decision = changed(decided(an_offer(CORRECT, facts=stated_facts(languages=["ru"])), a_registered(), on_file))
    assert decision.identity is None
    assert decision.household.facts is not None
    assert (decision.household.facts.size, decision.household.facts.stated.languages) == (2, ("ru",))


def test_a_correction_of_the_persons_alone_keeps_the_facts() -> None:
    decision = changed(decided(an_offer(CORRECT, identity=an_identity(a_person())), a_registered()))
    assert decision.household.facts is not None
    assert (decision.household.facts.size, decision.household.facts.stated.municipality) == (1, "08416041")


def test_a_correction_that_says_nothing_is_refused() -> None:
    on_file = read_form(None, an_identity()).identity
    assert codes(decided(an_offer(CORRECT), a_registered(), on_file)) == [("", "nothing_stated")]


@pytest.mark.parametrize("kind", [CORRECT, WITHDRAW, DEPART])
def test_an_unknown_reference_can_be_neither_corrected_nor_withdrawn(kind: SubmissionKind) -> None:
    assert codes(decided(an_offer(kind))) == [("/reference", "unknown_reference")]


def test_a_withdrawal_ends_the_stay_and_a_second_one_is_a_duplicate() -> None:
    gone = changed(decided(an_offer(WITHDRAW), a_registered())).household
    assert (gone.status, gone.change, gone.revision) == (HouseholdStatus.WITHDRAWN, HouseholdChange.WITHDRAWN, 2)
    assert decided(an_offer(WITHDRAW), gone) == Duplicate(gone)


def test_a_departure_ends_the_stay_of_who_was_there() -> None:
    gone = changed(decided(an_offer(DEPART), a_registered()))
    household = gone.household
    assert (gone.outcome, household.status, household.change, household.revision) == (
        Outcome.DEPARTED,
        HouseholdStatus.DEPARTED,
        HouseholdChange.DEPARTED,
        2,
    )
    assert decided(an_offer(DEPART), household) == Duplicate(household)
    assert codes(decided(an_offer(WITHDRAW), household)) == [("", "not_active")]
    assert codes(decided(an_offer(DEPART), changed(decided(an_offer(WITHDRAW), a_registered())).household)) == [
        ("", "not_active")
    ]


def test_a_late_withdrawal_does_not_undo_a_newer_version() -> None:
    known = a_registered(version=5)
    assert decided(an_offer(WITHDRAW, version=4), known) == Duplicate(known)


def test_what_is_withdrawn_cannot_be_corrected_but_registered_anew_by_a_newer_version() -> None:
    gone = changed(decided(an_offer(WITHDRAW, version=2), a_registered(version=1))).household
    assert codes(decided(an_offer(CORRECT, identity=an_identity(a_person())), gone)) == [("", "not_active")]
    again = changed(decided(an_offer(version=3), gone))
    assert (again.outcome, again.household.status) == (Outcome.CORRECTED, HouseholdStatus.ACTIVE)
    assert again.household.change is HouseholdChange.REGISTERED


def test_a_departure_whose_form_cannot_be_read_ends_nothing() -> None:
    unread = replace(an_offer(DEPART), form=read_form("not an object", None))
    assert codes(decided(unread, a_registered())) == [("/facts", "wrong_type")]


def test_who_turns_out_to_be_an_unaccompanied_minor_is_handed_over() -> None:
    child = an_identity(a_person(birth_date="2006-01-01"))
    offer = an_offer(CORRECT, facts=stated_facts(unaccompanied_minor=True), identity=child)
    household = changed(decided(offer, a_registered())).household
    assert (household.status, household.change) == (HouseholdStatus.HANDED_OVER, HouseholdChange.HANDED_OVER)


def test_an_unaccompanied_minor_is_handed_over_at_once() -> None:
    child = an_identity(a_person(birth_date="2006-01-01"))
    household = a_registered(facts=stated_facts(unaccompanied_minor=True), identity=child)
    assert (household.status, household.change) == (HouseholdStatus.HANDED_OVER, HouseholdChange.HANDED_OVER)


def test_a_minor_who_turns_out_to_be_of_age_comes_back() -> None:
    child = an_identity(a_person(birth_date="2006-01-01"))
    known = a_registered(facts=stated_facts(unaccompanied_minor=True), identity=child)
    offer = an_offer(CORRECT, facts=stated_facts(), identity=an_identity(a_person(birth_date="2003-01-01")))
    household = changed(decided(offer, known)).household
    assert (household.status, household.change) == (HouseholdStatus.ACTIVE, HouseholdChange.REGISTERED)


def test_erasure_leaves_id_and_revision() -> None:
    known, later = a_registered(version=7), NOW + timedelta(days=1)
    gone = erase(known, later)
    assert (gone.id, gone.home, gone.revision, gone.status) == (known.id, known.home, 2, HouseholdStatus.ERASED)
    assert (gone.facts, gone.reference, gone.person_digest, gone.forms) == (None, None, None, frozenset())
    assert (gone.change, gone.version, gone.changed_at) == (HouseholdChange.ERASED, None, later)
    assert gone.registered_at == day_only(NOW) != NOW
    lost = replace(gone, change=HouseholdChange.REGISTERED)
    assert [one.is_lost for one in (known, gone, lost)] == [False, False, True]


def test_a_registration_without_facts_and_identity_misses_both() -> None:
    offer = Offer(SubmissionKind.REGISTER, "KA-1", form=read_form(None, None))
    assert codes(decided(offer)) == [("/facts", "missing"), ("/identity", "missing")]


def test_an_unreadable_part_is_not_called_missing() -> None:
    form = read_form(stated_facts(), "not an object")
    assert codes(decided(Offer(SubmissionKind.REGISTER, "KA-1", form=form))) == [("/identity", "wrong_type")]
    nobody = read_form(stated_facts(), {"persons": []})
    assert codes(decided(Offer(SubmissionKind.REGISTER, "KA-1", form=nobody))) == [
        ("/identity/persons", "household_empty")
    ]


def test_a_rejection_names_every_fault_at_once() -> None:
    facts = stated_facts(arrived_on="2022-03-20", municipality="08999999", languages=["x"])
    identity = an_identity(a_person(birth_date="2022-03-17"), a_person(given_name="", nationality="Ukraine"))
    assert set(codes(decided(an_offer(facts=facts, identity=identity)))) == {
        ("/facts/arrived_on", "arrived_in_future"),
        ("/facts/municipality", "unknown_municipality"),
        ("/facts/languages/0", "malformed"),
        ("/identity/persons/0/birth_date", "born_in_future"),
        ("/identity/persons/1/given_name", "missing"),
        ("/identity/persons/1/nationality", "malformed"),
    }


def test_a_problem_holds_nothing_of_what_was_sent() -> None:
    rejection = decided(an_offer(identity=an_identity(a_person(nationality="Secretland", birth_date="0000"))))
    assert isinstance(rejection, Rejection)
    assert rejection.problems == (
        Problem("/identity/persons/0/birth_date", "not_a_date"),
        Problem("/identity/persons/0/nationality", "malformed"),
    )
