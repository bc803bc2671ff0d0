"""A week's plan has its share of every trouble, and intake sees each record as it was meant."""

from collections import Counter, defaultdict
from datetime import date
from functools import cache

import pytest

from contracts.record import Undecodable, decode
from contracts.submissions import Submission
from contracts.vocabulary import Answer, SubmissionKind
from geleit.demo import flaws
from geleit.demo.by_http import _token
from geleit.demo.by_kafka import _record
from geleit.demo.households import Fate, Town, Towns
from geleit.demo.records import Channel, Kind, Offer, Week, canaries, plan
from geleit.demo.turns import MOST, turns
from intake.forms import read_form
from intake.generate import generate
from intake.stated import faults
from offers import some_keys

TODAY = date(2026, 11, 23)
CENTRES = ("karlsruhe", "ellwangen", "sigmaringen")
ARRIVALS = 600


@cache
def towns() -> Towns:
    return Towns([Town(entry.ags, entry.population) for entry in generate()])


@cache
def week(number: int = 0, arrivals: int = ARRIVALS) -> Week:
    return plan(number, arrivals, towns(), CENTRES, TODAY)


def faults_of(offer: Offer) -> tuple[object, ...]:
    form = read_form(offer.facts, offer.identity)
    return faults(form, TODAY, {town.ags for town in towns().all})


def test_the_plan_is_a_function_of_its_week() -> None:
    assert plan(0, 80, towns(), CENTRES, TODAY) == plan(0, 80, towns(), CENTRES, TODAY)
    assert week(0, 80).offers != week(1, 80).offers


@pytest.mark.parametrize("arrivals", [1, 7, 100, ARRIVALS, 2000])
def test_every_trouble_is_three_percent_of_the_records_at_least(arrivals: int) -> None:
    one = week(0, arrivals)
    kinds = one.kinds
    assert kinds[Kind.ARRIVAL] == arrivals
    assert sum(one.fates.values()) == arrivals
    if arrivals >= 100:
        troubles = (Kind.DUPLICATE, Kind.CORRECTION, Kind.WITHDRAWAL, Kind.INVALID, Kind.POISON)
        assert min(kinds[kind] for kind in troubles) >= 0.03 * kinds.total()
        assert one.fates[Fate.NOT_ELIGIBLE] >= 0.03 * kinds.total()


def test_half_of_the_households_come_by_each_way_and_from_every_centre() -> None:
    arrivals = [one for one in week().offers if one.kind is Kind.ARRIVAL]
    ways = Counter((one.channel, one.centre) for one in arrivals)
    assert set(ways.values()) == {ARRIVALS / 6}


def test_what_builds_on_a_registration_follows_it_on_the_same_way() -> None:
    seen: defaultdict[str, list[Offer]] = defaultdict(list)
    for one in week().offers:
        seen[one.reference].append(one)
    followed = [its for its in seen.values() if len(its) > 1]
    assert len(followed) == 3 * 0.04 * ARRIVALS
    for first, *later in followed:
        assert first.kind is Kind.ARRIVAL
        assert [one.kind for one in later] != [Kind.ARRIVAL]
        assert {(one.channel, one.centre) for one in later} == {(first.channel, first.centre)}


def test_every_record_is_named_once() -> None:
    ids = [one.id for one in week().offers]
    assert len(set(ids)) == len(ids)


def test_intake_finds_no_fault_with_an_arrival_and_some_with_each_flawed_form() -> None:
    for one in week().offers:
        if one.kind is Kind.ARRIVAL:
            assert not faults_of(one), one.reference
        if one.kind is Kind.INVALID:
            assert faults_of(one), one.reference


def test_every_flaw_and_every_poison_is_among_them() -> None:
    numbers = range(week().kinds[Kind.INVALID])
    assert {flaws.flaw_of(number) for number in numbers} == set(flaws.Flaw)
    assert {one.poison for one in week().offers if one.kind is Kind.POISON} == set(flaws.Poison)
    assert all(one.channel is Channel.KAFKA for one in week().offers if one.poison)


@pytest.mark.parametrize("poison", flaws.Poison)
def test_no_reader_decodes_poison(poison: flaws.Poison) -> None:
    value, headers = flaws.poisoned(poison, "w000-p0001")
    with pytest.raises(Undecodable):
        decode(value, headers, {Submission.ce_type: Submission})


def test_what_is_written_to_a_topic_is_a_submission_with_a_sealed_identity() -> None:
    keys = some_keys()
    one = next(one for one in week().of(Channel.KAFKA) if one.kind is Kind.ARRIVAL)
    value, headers = _record(one, keys.public_jwk)
    submission = decode(value, headers, {Submission.ce_type: Submission})
    assert isinstance(submission, Submission)
    assert (submission.reference, submission.kind) == (one.reference, SubmissionKind.REGISTER)
    assert keys.decrypt(submission.identity or "") == one.identity


def test_every_second_resend_is_the_same_request_again() -> None:
    resends = [one for one in week().of(Channel.HTTP) if one.kind is Kind.DUPLICATE]
    again = [one for one in resends if _token(one) == f"{one.reference}-arrival"]
    assert 0 < len(again) < len(resends)


def test_arrivals_are_uploaded_by_their_centre_before_what_builds_on_them() -> None:
    offers = week().of(Channel.HTTP)
    alone = {one.reference for one in offers[:3]}
    made = list(turns(offers, alone))
    assert sorted(one.id for turn in made for one in turn) == sorted(one.id for one in offers)
    assert {one.reference for turn in made[:3] for one in turn} == alone
    arrived: set[str] = set()
    for turn in made:
        if len(turn) > 1:
            assert {one.kind for one in turn} == {Kind.ARRIVAL}
            assert len({one.centre for one in turn}) == 1
            assert len(turn) <= MOST
        elif turn[0].kind in {Kind.CORRECTION, Kind.WITHDRAWAL, Kind.DUPLICATE}:
            assert turn[0].reference in arrived
        arrived |= {one.reference for one in turn if one.kind is Kind.ARRIVAL}
    uploads = [len(turn) for turn in made if len(turn) > 1]
    assert sum(uploads) > 0.9 * week().kinds[Kind.ARRIVAL] / 2
    assert max(uploads) == MOST


def test_more_than_five_percent_of_proposals_are_to_be_declined_with_a_reason() -> None:
    wishes = list(week().wishes.values())
    declines = [wish for wish in wishes if wish.answer is Answer.DECLINED]
    assert len(declines) > 0.05 * week().fates[Fate.COUNSELLED]
    assert all((wish.reason is not None) == (wish.answer is Answer.DECLINED) for wish in wishes)


def test_canaries_are_everything_personal_and_nothing_else() -> None:
    found = canaries(0, ARRIVALS)
    for one in week().offers:
        for person in (one.identity or {}).get("persons", ()):
            assert {person["given_name"], person["family_name"]} <= found
            assert person["birth_date"] in found or person["birth_date"] > TODAY.isoformat()
        assert (one.identity is None) or one.identity["contact"]["phone"] in found
    told = {str(value) for one in week().offers for value in (one.facts or {}).values()}
    assert not found & told
    assert min(map(len, found)) >= 8
