"""Small problems are solved to the optimum that trying everything finds; large ones never leave a gain lying about."""

import subprocess
import sys
from collections import Counter
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.solver import EXACT, Case, Option, Post, Problem, solve, strain, value


@st.composite
def problems(draw: st.DrawFn, most: int = 4) -> Problem:
    posts = []
    for _ in range(draw(st.integers(1, 3))):
        capacity = draw(st.integers(0, 120))
        posts.append(Post(draw(st.integers(0, capacity)), capacity, draw(st.sampled_from((0, 1, 2, most)))))
    cases = []
    for _ in range(draw(st.integers(1, most))):
        on = sorted(draw(st.sets(st.integers(0, len(posts) - 1))))
        options = tuple(Option(post, draw(st.integers(-300, 700)), lot) for lot, post in enumerate(on))
        cases.append(Case(draw(st.integers(1, 60)), draw(st.integers(0, 3)), options))
    return Problem(tuple(cases), tuple(posts), draw(st.integers(0, 3)))


def is_feasible(problem: Problem, plan: tuple[int | None, ...]) -> bool:
    for number, post in enumerate(problem.posts):
        on = [case.units for case, chosen in zip(problem.cases, plan, strict=True) if chosen == number]
        if on and (post.load + sum(on) > post.capacity or len(on) > post.places):
            return False
    return True


def best_by_trying(problem: Problem) -> tuple[int, int]:
    choices = [(None, *(option.post for option in case.options)) for case in problem.cases]
    return max(value(problem, plan) for plan in product(*choices) if is_feasible(problem, plan))


@st.composite
def balanced(draw: st.DrawFn, most: int = 4) -> Problem:
    """Room for all on posts that are alike but for what they carry, so that balance says who goes where."""
    posts = tuple(Post(draw(st.integers(0, 80)), 100 * most, most) for _ in range(draw(st.integers(2, 3))))
    points = st.integers(0, 40)
    cases = tuple(
        Case(draw(st.integers(20, 80)), 0, tuple(Option(post, draw(points), post) for post in range(len(posts))))
        for _ in range(draw(st.integers(2, most)))
    )
    return Problem(cases, posts, draw(st.integers(1, 3)))


@settings(max_examples=150, deadline=None)
@given(problems() | balanced())
def test_a_small_problem_is_solved_to_its_optimum(problem: Problem) -> None:
    solution = solve(problem)
    assert is_feasible(problem, solution.plan)
    assert solution.optimal
    assert value(problem, solution.plan) == best_by_trying(problem)
    assert solve(problem) == solution


@pytest.mark.parametrize("exactly", [True, False])
def test_what_is_solved_together_spreads_over_posts_that_are_alike(exactly: bool) -> None:
    cases = tuple(Case(30, 0, (Option(0, 5, 1), Option(1, 5, 0))) for _ in range(6))
    solution = solve(Problem(cases, (Post(0, 300, 9), Post(60, 300, 9)), 1), exactly=exactly)
    assert Counter(solution.plan) == {0: 4, 1: 2}


def test_a_plan_is_worth_its_points_less_what_balance_costs() -> None:
    cases = (Case(10, 0, (Option(0, 70, 0),)), Case(20, 0, (Option(0, 9, 1), Option(1, 50, 0))))
    problem = Problem(cases, (Post(20, 100, 2), Post(0, 100, 2)), 3)
    assert value(problem, (0, 1))[1] == 70 + 50 - 3 * (10 * 2) - 3 * (10 * 0 + 10 * 1)
    assert value(problem, (0, 0))[1] == 70 + 9 - 3 * (10 * 2 + 10 * 3 + 10 * 4)
    assert value(problem, (None, None)) == (0, 0)


AFTER_A_SOLUTION = """
import os, signal
from matching.solver import Case, Option, Post, Problem, solve

heard = []
signal.signal(signal.SIGINT, lambda *_: heard.append(True))
cases = tuple(Case(50, 0, (Option(0, 100, lot), Option(1, 90, lot))) for lot in range(2))
solve(Problem(cases, (Post(0, 60, 1), Post(0, 60, 1)), 0))
os.kill(os.getpid(), signal.SIGINT)
assert heard
"""


def test_a_solution_leaves_ctrl_c_to_the_process() -> None:
    assert subprocess.run([sys.executable, "-c", AFTER_A_SOLUTION], check=False).returncode == 0


@settings(max_examples=60, deadline=None)
@given(problems(most=3 * EXACT) | balanced(most=EXACT))
def test_no_single_case_of_a_large_problem_could_be_better_off(problem: Problem) -> None:
    plan = solve(problem, exactly=False).plan
    assert is_feasible(problem, plan)
    for number, case in enumerate(problem.cases):
        for option in case.options:
            other = (*plan[:number], option.post, *plan[number + 1 :])
            assert not is_feasible(problem, other) or value(problem, other) <= value(problem, plan)


@settings(max_examples=60, deadline=None)
@given(problems(most=EXACT) | balanced(most=6))
def test_no_exchange_of_a_large_problem_would_gain_anything(problem: Problem) -> None:
    """On a post that is full for a case, and that it would rather have, nobody could be elsewhere at a gain."""

    def elsewhere(plan: tuple[int | None, ...], case: int, post: int | None) -> tuple[int | None, ...]:
        return (*plan[:case], post, *plan[case + 1 :])

    plan = solve(problem, exactly=False).plan
    worth = value(problem, plan)
    for case, post in ((case, option.post) for case, one in enumerate(problem.cases) for option in one.options):
        wished = elsewhere(plan, case, post)
        if is_feasible(problem, wished) or value(problem, wished) <= worth:
            continue
        for other in (other for other, on in enumerate(plan) if on == post and other != case):
            for there in {None, *(option.post for option in problem.cases[other].options)} - {post}:
                exchanged = elsewhere(wished, other, there)
                assert not is_feasible(problem, exchanged) or value(problem, exchanged) <= worth


@given(st.integers(1, 500), st.integers(0, 500), st.integers(0, 200))
def test_strain_counts_the_full_tenths_below_each_unit(capacity: int, load: int, units: int) -> None:
    load = min(load, capacity)
    units = min(units, capacity - load)
    assert strain(capacity, load, units) == sum(10 * unit // capacity for unit in range(load, load + units))
