"""The quota ledger: nobody is a household off its due, and what a person or a new key moves is worked off."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.generate import generate
from intake.quota import WHOLE, Account, Ledger, book, propose, rekey

POPULATIONS = st.lists(st.integers(1, 700_000), min_size=1, max_size=20)
NEAR = st.lists(st.integers(1, 30), min_size=2, max_size=12)
"""Near enough to each other that the smallest's turn comes soon."""


def opened(district: str, populations: Mapping[str, int]) -> Ledger:
    return rekey(Ledger(district, ()), populations, {})


def a_ledger(populations: list[int]) -> Ledger:
    return opened("08416", {f"08416{index:03}": one for index, one in enumerate(populations)})


def balances(ledger: Ledger) -> dict[str, Fraction]:
    return {one.ags: ledger.balance(one) for one in ledger.accounts}


def worst(ledger: Ledger) -> Fraction:
    return max(map(abs, balances(ledger).values()))


def walk(ledger: Ledger, households: int) -> tuple[Ledger, Fraction]:
    """The ledger after so many proposals were confirmed, and the most that anybody was off on the way."""
    whole = ledger.population * WHOLE
    counts = Counter({one.ags: one.allotted for one in ledger.accounts})
    now = {one.ags: int(ledger.balance(one) * whole) for one in ledger.accounts}
    off = 0
    for ags in propose(ledger, households):
        counts[ags] += 1
        for one in ledger.accounts:
            now[one.ags] += one.population * WHOLE
        now[ags] -= whole
        off = max(off, *now.values(), -min(now.values()))
    accounts = tuple(replace(one, allotted=counts[one.ags]) for one in ledger.accounts)
    return replace(ledger, accounts=accounts), Fraction(off, whole)


def caught_up(ledger: Ledger) -> int:
    """After how many households everybody's due has reached what they have."""
    return max(
        (int(-balance / ledger.share(one)) + 1 for one in ledger.accounts if (balance := ledger.balance(one)) < 0),
        default=0,
    )


@settings(max_examples=30, deadline=None)
@given(POPULATIONS, st.integers(1, 1000))
def test_nobody_is_ever_a_household_off_its_due(populations: list[int], households: int) -> None:
    assert walk(a_ledger(populations), households)[1] < 1


@pytest.mark.parametrize("district", ["08317", "08426"])
def test_nor_in_a_district_of_fifty_municipalities_over_two_thousand(district: str) -> None:
    populations = {one.ags: one.population for one in generate() if one.district == district}
    ledger, off = walk(opened(district, populations), 2000)
    assert off < 1
    assert sum(one.allotted for one in ledger.accounts) == 2000


def test_a_village_of_a_hundred_waits_for_its_one_household() -> None:
    ledger, _ = walk(a_ledger([9_900, 100]), 100)
    assert [one.allotted for one in ledger.accounts] == [99, 1]


def test_the_largest_debt_first_would_not_keep_it() -> None:
    populations = [2, 2, 10, 100, 100, 100]
    debts, off = [0] * 6, 0
    for _ in range(sum(populations)):
        debts = [debt + one for debt, one in zip(debts, populations, strict=True)]
        debts[debts.index(max(debts))] -= sum(populations)
        off = max(off, *map(abs, debts))
    assert off > sum(populations)
    assert walk(a_ledger(populations), sum(populations))[1] < 1


@settings(max_examples=40, deadline=None)
@given(NEAR, st.lists(st.integers(0, 11), max_size=40))
def test_what_a_person_places_otherwise_is_worked_off(populations: list[int], chosen: list[int]) -> None:
    ledger = a_ledger(populations)
    for one in chosen:
        ledger = book(ledger, ledger.accounts[one % len(populations)].ags)
    assert sum(balances(ledger).values()) == 0
    ledger, _ = walk(ledger, caught_up(ledger))
    assert walk(ledger, 200)[1] < 1


@settings(max_examples=40, deadline=None)
@given(NEAR, st.integers(0, 300), NEAR, st.integers(0, 20))
def test_a_new_key_moves_no_balance_and_is_worked_off(
    populations: list[int], before: int, new: list[int], shift: int
) -> None:
    ledger, _ = walk(a_ledger(populations), before)
    key = {f"08416{index + shift:03}": one for index, one in enumerate(new)}
    changed = rekey(ledger, key, {})
    gone = sum(balance for ags, balance in balances(ledger).items() if ags not in key)
    for one in changed.accounts:
        expected = balances(ledger).get(one.ags, Fraction()) + gone * changed.share(one)
        assert abs(changed.balance(one) - expected) <= Fraction(1, 1_000_000)
    settled, on_the_way = walk(changed, caught_up(changed))
    assert on_the_way < worst(changed) + 1
    assert walk(settled, 200)[1] < 1 + Fraction(len(key), 1_000_000)


def test_a_municipality_that_joins_begins_even_whatever_was_allotted_before() -> None:
    ledger, _ = walk(a_ledger([500, 500]), 400)
    joined = rekey(ledger, {"08416000": 500, "08416001": 500, "08416002": 1000}, {"08416002": 7})
    assert balances(joined)["08416002"] == 0
    assert propose(joined, 4).count("08416002") == 2


@given(POPULATIONS, st.integers(0, 60), st.randoms())
def test_the_order_of_the_municipalities_is_irrelevant(populations: list[int], households: int, chance) -> None:  # type: ignore[no-untyped-def]
    ledger = a_ledger(populations)
    turned = list(ledger.accounts)
    chance.shuffle(turned)
    assert propose(Ledger(ledger.district, tuple(turned)), households) == propose(ledger, households)


@given(POPULATIONS, st.integers(0, 40), st.integers(0, 40))
def test_a_round_is_the_same_at_once_or_in_parts(populations: list[int], first: int, second: int) -> None:
    ledger = a_ledger(populations)
    part = propose(ledger, first)
    rest = ledger
    for ags in part:
        rest = book(rest, ags)
    assert propose(ledger, first + second) == part + propose(rest, second)


def test_equals_draw_lots_that_are_not_the_alphabet() -> None:
    alike = {f"08416{index:03}": 1000 for index in range(8)}
    firsts = {district: propose(opened(district, alike), 1)[0] for district in ("08416", "08415", "08417")}
    assert len(set(firsts.values())) > 1
    assert sorted(propose(opened("08416", alike), 8)) == sorted(alike)
    assert propose(opened("08416", alike), 8) != sorted(alike)


def test_what_is_due_is_the_share_of_all_that_was_allotted() -> None:
    ledger = book(book(a_ledger([300, 100]), "08416000"), "08416000")
    one, other = ledger.accounts
    assert (ledger.due(one), ledger.due(other)) == (Fraction(3, 2), Fraction(1, 2))
    assert (ledger.balance(one), ledger.balance(other)) == (Fraction(-1, 2), Fraction(1, 2))


def test_a_new_key_counts_on_from_what_was_allotted() -> None:
    ledger = book(book(a_ledger([300, 100]), "08416000"), "08416000")
    after = rekey(ledger, {"08416000": 100, "08416001": 100}, {})
    assert [(one.allotted, one.since) for one in after.accounts] == [(2, 0), (0, 0)]
    assert [after.due(one) for one in after.accounts] == [Fraction(3, 2), Fraction(1, 2)]


def test_where_everybody_has_too_many_somebody_takes_the_next_household_in() -> None:
    """As when the municipality that owed them is empty now."""
    accounts = (Account("08416000", 10, opening=-9 * WHOLE), Account("08416001", 10, opening=-5 * WHOLE))
    ledger = Ledger("08416", (*accounts, Account("08416002", 0, opening=14 * WHOLE)))
    assert propose(ledger, 1) == ["08416001"]


def test_where_nobody_lives_nothing_is_due() -> None:
    ledger = opened("08416", {"08416041": 0})
    assert [ledger.due(one) for one in ledger.accounts] == [0]


@pytest.mark.parametrize("populations", [{}, {"08416041": 0}])
def test_where_nobody_lives_nothing_is_proposed(populations: Mapping[str, int]) -> None:
    assert propose(opened("08416", populations), 3) == []
