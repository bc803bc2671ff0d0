"""One case after the other, improved, and solved exactly: worth and time side by side; last line JSON.

`python benchmarks/solver.py` puts generated cases on the posts of a district, of which 90 or 120 percent of what is
free is wanted. Worth is that of `matching.solver`: whom a plan places, then points. Times are CPU times.
"""

import json
import time
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from statistics import fmean
from typing import Any

from matching import solver
from matching.solver import Board, Case, Option, Post, Problem, value

RUNS = 12
SIZES = ((5, 5), (12, 8), (60, 20), (500, 60))
WANTED = (0.9, 1.2)
MANAGERS_A_CASE = 6


def problem(random: Random, cases: int, posts: int, wanted: float) -> Problem:
    """Cases of one to eight persons on posts of a quarter to a whole, loaded at random."""
    capacities = [random.choice((300, 600, 900, 1200)) for _ in range(posts)]
    units = [5 + 10 * random.choice((1, 1, 1, 2, 2, 3, 4, 5, 8)) for _ in range(cases)]
    shares = [random.random() * capacity for capacity in capacities]
    free = [min(one, share * sum(units) / wanted / sum(shares)) for one, share in zip(capacities, shares, strict=True)]
    return Problem(
        tuple(
            Case(
                weighs,
                random.randrange(cases),
                tuple(
                    Option(
                        post,
                        random.choice((0, 300)) + random.choice((0, 0, 150)) - 3 * random.randrange(40),
                        lot,
                    )
                    for lot, post in enumerate(random.sample(range(posts), min(MANAGERS_A_CASE, posts)))
                ),
            )
            for weighs in units
        ),
        tuple(Post(int(one - left), one, cases) for one, left in zip(capacities, free, strict=True)),
        1,
    )


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.process_time()
    result = run()
    return result, (time.process_time() - begin) * 1000


def _filled(one: Problem) -> Board:
    board = Board(one)
    board.fill()
    return board


def _share(are: Iterable[bool]) -> float:
    return round(fmean(are), 2)


def _compare(cases: int, posts: int, wanted: float) -> dict[str, Any]:
    random = Random(f"{cases} {posts} {wanted}")
    rows = []
    for _ in range(RUNS):
        one = problem(random, cases, posts, wanted)
        board, filled_ms = _timed(partial(_filled, one))
        filled = value(one, board.plan)
        _, improved_ms = _timed(board.improve)
        improved = value(one, board.plan)
        exact, exact_ms = improved, 0.0
        if cases <= solver.EXACT:
            solution, exact_ms = _timed(partial(solver.solve, one))
            exact = value(one, solution.plan)
        rows.append((filled, improved, exact, filled_ms, improved_ms, exact_ms, board.plan))
    best = [row[2] for row in rows]
    return {
        "cases": cases,
        "wanted": wanted,
        "filled_same_people": _share(row[0][0] == one[0] for row, one in zip(rows, best, strict=True)),
        "improved_same_people": _share(row[1][0] == one[0] for row, one in zip(rows, best, strict=True)),
        "points_filled": round(fmean(row[0][1] / max(1, len(row[6])) for row in rows), 1),
        "points_improved": round(fmean(row[1][1] / max(1, len(row[6])) for row in rows), 1),
        "points_best": round(fmean(one[1] / cases for one in best), 1),
        "ms_a_case_filled": round(fmean(row[3] for row in rows) / cases, 3),
        "ms_a_case_improved": round(fmean(row[4] for row in rows) / cases, 3),
        "ms_a_case_exact": round(fmean(row[5] for row in rows) / cases, 3),
    }


if __name__ == "__main__":
    solver.solve(problem(Random(0), 3, 2, 1.2))  # The library is loaded before the clock runs.
    results = [_compare(cases, posts, wanted) for cases, posts in SIZES for wanted in WANTED]
    for result in results:
        print(result)  # noqa: T201 - the result is the purpose
    print(json.dumps(results))  # noqa: T201
