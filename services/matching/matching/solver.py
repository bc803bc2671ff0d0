"""Puts cases on posts: a generalised assignment with convex costs, in whole numbers, knowing nothing of who they are.

Up to `EXACT` cases are solved to a proven optimum by CP-SAT; more are placed greedily and improved until no single
case and no exchange of two gains anything. docs/decisions/0008 has the measurements.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from itertools import accumulate
from typing import NamedTuple

TENTHS = 10
EXACT = 12
"""Cases that hang together and are solved to optimality: some 2 ms for five, 20 ms for twelve."""
EXACT_IN_ALL = 60
"""Beyond that many cases in one batch speed counts more than the last point."""
WORK = 0.5
"""Limit of CP-SAT in its own deterministic units, never in seconds: the same input ends at the same place."""
CP_SAT = f"cp-sat {version('ortools')}"
LARGEST = 2**62
"""What a plan may be worth, so that CP-SAT's 64 bits hold it."""


class Option(NamedTuple):
    """A post that a case may be put on, its points there, and a lot that decides between equals; the higher wins."""

    post: int
    points: int
    lot: int


class Case(NamedTuple):
    """Takes `units` of one post, whole or not at all. Whose `turn` is earlier comes first."""

    units: int
    turn: int
    options: tuple[Option, ...]


class Post(NamedTuple):
    """Carries `load` of `capacity` units, and takes at most `places` further cases."""

    load: int
    capacity: int
    places: int


@dataclass(frozen=True)
class Problem:
    """Cases and the posts they may be put on.

    A unit costs `balance` points for every full tenth of its post's capacity that is taken below it: convex, so that
    load spreads.

    Plans are compared by whom they place: a case counts more than all of later turns together. Then by points less
    what balance costs, then by lots. All these are digits of one number, `worth`.
    """

    cases: tuple[Case, ...]
    posts: tuple[Post, ...]
    balance: int

    @cached_property
    def point(self) -> int:
        """More than all lots together."""
        return 1 + sum(max((option.lot for option in case.options), default=0) for case in self.cases)

    @cached_property
    def placed(self) -> tuple[int, ...]:
        """What it is worth that each case is placed at all."""
        points = sum(max((abs(option.points) for option in case.options), default=0) for case in self.cases)
        strained = self.balance * TENTHS * sum(case.units for case in self.cases)
        all_so_far = self.point * 2 * (points + strained) + (0 if strained else self.point)
        worth: dict[int, int] = {}
        for turn, cases in sorted(Counter(case.turn for case in self.cases).items(), reverse=True):
            worth[turn] = all_so_far + 1
            all_so_far += cases * worth[turn]
        return tuple(worth[case.turn] for case in self.cases)

    @cached_property
    def worth(self) -> tuple[dict[int, int], ...]:
        """For each case what each of its posts is worth, balance apart."""
        return tuple(
            {option.post: placed + option.points * self.point + option.lot for option in case.options}
            for case, placed in zip(self.cases, self.placed, strict=True)
        )

    def cost(self, post: int, load: int, units: int) -> int:
        """Points that balance costs when so many units are put on a post that carries `load`."""
        return self.balance * strain(self.posts[post].capacity, load, units)


def strain(capacity: int, load: int, units: int) -> int:
    """The full tenths of a capacity below each of `units` on top of `load`, added up."""
    return _below(capacity, load + units) - _below(capacity, load)


def _below(capacity: int, load: int) -> int:
    """The full tenths of a capacity below each unit of a load, added up."""
    tenth = _tenth(capacity, load)
    return tenth * load - _filled_by(capacity)[tenth]


def _tenth(capacity: int, load: int) -> int:
    """How many tenths of a capacity a load fills."""
    if load >= capacity:
        return TENTHS if capacity else 0
    return load * TENTHS // capacity


def _threshold(capacity: int, tenth: int) -> int:
    """The load that fills so many tenths."""
    return -(-tenth * capacity // TENTHS)


@lru_cache(maxsize=4096)
def _filled_by(capacity: int) -> tuple[int, ...]:
    """For 0 to 10 tenths the sum of the loads that fill each of them."""
    return tuple(accumulate(_threshold(capacity, tenth) for tenth in range(TENTHS + 1)))


@dataclass(frozen=True, slots=True)
class Solution:
    """For each case its post, or None; and how it was found."""

    plan: tuple[int | None, ...]
    optimal: bool
    by: str


def solve(problem: Problem, *, exactly: bool = True) -> Solution:
    """The best plan for up to EXACT cases, else one that no single move or exchange improves.

    With `exactly` false, the latter always. Deterministic. Every plan is feasible, and no case is left out or is where
    it is although a post with room would be better for it, all others staying where they are.
    """
    board = Board(problem)
    board.fill()
    if not board.contested:
        return Solution(tuple(board.plan), True, "alone")
    board.improve()
    if exactly and len(problem.cases) <= EXACT and _worth_of_all(problem) < LARGEST:
        plan, optimal = _by_cp_sat(problem, board.plan)
        if not optimal:
            board = Board(problem, plan)
            board.improve()
        return Solution(tuple(plan if optimal else board.plan), optimal, CP_SAT)
    return Solution(tuple(board.plan), False, "local search")


def is_feasible(problem: Problem, plan: Sequence[int | None]) -> bool:
    """Whether no post carries more than it can, and each case is where it may be."""
    board = Board(problem, plan)
    allowed = all(
        post is None or post in {option.post for option in case.options}
        for case, post in zip(problem.cases, plan, strict=True)
    )
    return allowed and all(
        not board.on[number] or (board.load[number] <= post.capacity and board.places[number] >= 0)
        for number, post in enumerate(problem.posts)
    )


def value(problem: Problem, plan: Sequence[int | None]) -> tuple[int, int]:
    """What a plan is worth: whom it places, and points less what balance costs."""
    board = Board(problem, plan)
    placed = [(case, post) for case, post in enumerate(plan) if post is not None]
    points = sum(
        option.points for case, post in placed for option in problem.cases[case].options if option.post == post
    )
    return sum(problem.placed[case] for case, _ in placed), points - sum(
        problem.cost(post, one.load, board.load[post] - one.load) for post, one in enumerate(problem.posts)
    )


class Board:
    """A plan under change, and what the posts carry by it."""

    def __init__(self, problem: Problem, plan: Sequence[int | None] = ()) -> None:
        self.problem = problem
        self.load = [post.load for post in problem.posts]
        self.capacity = [post.capacity for post in problem.posts]
        self._filled_by = [_filled_by(post.capacity) for post in problem.posts]
        self._below = [_below(post.capacity, post.load) for post in problem.posts]
        self.places = [post.places for post in problem.posts]
        self.on: list[list[int]] = [[] for _ in problem.posts]
        self.plan: list[int | None] = [None] * len(problem.cases)
        self._changes = 0
        self._looked_for = [(-1, 0)] * len(problem.cases)
        """For each case at which count of changes it was looked for a better post, and what one was worth."""
        for case, post in enumerate(plan):
            if post is not None:
                self._put(case, post)

    @property
    def contested(self) -> bool:
        """Whether two cases could meet on a post: else each is best where it is best alone."""
        met: set[int] = set()
        for case in self.problem.cases:
            posts = {option.post for option in case.options}
            if met & posts:
                return True
            met |= posts
        return False

    def fill(self) -> None:
        """Place the cases one after the other by their turns, each where it then is worth most."""
        cases = self.problem.cases
        for case in sorted(range(len(cases)), key=lambda case: (cases[case].turn, case)):
            post, _ = self._best(case)
            if post is not None:
                self._put(case, post)

    def improve(self) -> None:
        """Move and exchange until nothing gains: each step raises the plan's worth, so it ends."""
        moved = True
        while moved:
            moved = False
            for case in range(len(self.plan)):
                moved |= self._move(case) or self._push_out(case)

    def _move(self, case: int) -> bool:
        """Put a case where it is worth more than where it is."""
        post, gain = self._best(case)
        if post is None or gain <= self._kept(case):
            return False
        self._take(case)
        self._put(case, post)
        return True

    def _push_out(self, case: int) -> bool:
        """Put a case on a post it would rather have, and who is in its way somewhere else, if both together gain."""
        kept, units = self._kept(case), self.problem.cases[case].units
        full = [
            post
            for post, _, _ in self.problem.cases[case].options
            if self.load[post] + units > self.capacity[post] or self.places[post] <= 0
        ]
        for post in full:
            if post == self.plan[case] or self._gain(case, post) <= kept:
                continue
            for place, other in enumerate(self.on[post]):
                if self._gain_instead(case, other) > kept:
                    self._exchange(case, post, place)
                    return True
        return False

    def _gain_instead(self, case: int, other: int) -> int:
        """What a plan gains by a case in the place of another one, which then goes where it is worth most."""
        post, old, cases = self.plan[other], self.plan[case], self.problem.cases
        regained = self._elsewhere(other)
        if not regained and old is None and cases[case].turn > cases[other].turn:
            # Nobody is left out for a later turn: most are turned away here where there is room for few.
            return 0
        assert post is not None, "who is in the way is on a post"
        units, others = cases[case].units, cases[other].units
        left = self.load[post] - others
        if left + units > self.capacity[post]:
            return 0
        if old is not None and old in self.problem.worth[other]:
            freed = self.load[old] - units
            if freed + others <= self.capacity[old]:
                regained = max(regained, self._gain(other, old, freed))
        return self._gain(case, post, left) + regained - self._kept(other)

    def _elsewhere(self, case: int) -> int:
        """What a case would be worth on the best other post that has room; nothing if there is none."""
        changes, gain = self._looked_for[case]
        if changes != self._changes:
            _, gain = self._best(case)
            self._looked_for[case] = self._changes, gain
        return gain

    def _exchange(self, case: int, post: int, place: int) -> None:
        """Put a case in the place of another one, and that where it is worth most; the next search goes on behind."""
        others = self.on[post]
        other = others[place]
        others[:] = (*others[place:], *others[:place])
        self._take(case)
        self._take(other)
        self._put(case, post)
        there, _ = self._best(other)
        if there is not None:
            self._put(other, there)

    def _best(self, case: int) -> tuple[int | None, int]:
        """The post with room, but where it is, on which a case is worth most, and what a plan gains by it there."""
        # Written out, with what `strain` says: two thirds of all that an arrival costs to match were calls made here.
        best, most, here, problem = None, 0, self.plan[case], self.problem
        units, options = problem.cases[case].units, problem.cases[case].options
        worth, price = problem.worth[case], problem.point * problem.balance
        for post, _, _ in options:
            after, capacity = self.load[post] + units, self.capacity[post]
            if after <= capacity and self.places[post] > 0 and post != here:
                tenth = after * TENTHS // capacity if capacity else 0
                gain = worth[post] - price * (tenth * after - self._filled_by[post][tenth] - self._below[post])
                if best is None or gain > most:
                    best, most = post, gain
        return best, most

    def _gain(self, case: int, post: int, load: int | None = None) -> int:
        """What a plan gains by a case on a post it is not on, which carries `load` (its own, unless said)."""
        problem = self.problem
        load = self.load[post] if load is None else load
        return problem.worth[case][post] - problem.point * problem.cost(post, load, problem.cases[case].units)

    def _kept(self, case: int) -> int:
        """What a plan would lose without a case."""
        post = self.plan[case]
        return 0 if post is None else self._gain(case, post, self.load[post] - self.problem.cases[case].units)

    def _put(self, case: int, post: int) -> None:
        self.plan[case] = post
        self.places[post] -= 1
        self.on[post].append(case)
        self._carry(post, self.problem.cases[case].units)

    def _take(self, case: int) -> None:
        post = self.plan[case]
        if post is not None:
            self.plan[case] = None
            self.places[post] += 1
            self.on[post].remove(case)
            self._carry(post, -self.problem.cases[case].units)

    def _carry(self, post: int, units: int) -> None:
        self._changes += 1
        self.load[post] += units
        self._below[post] = _below(self.capacity[post], self.load[post])


def _worth_of_all(problem: Problem) -> int:
    return 2 * sum(max(map(abs, worth.values()), default=0) for worth in problem.worth)


def _by_cp_sat(problem: Problem, hint: Sequence[int | None]) -> tuple[tuple[int | None, ...], bool]:
    """The best plan, and whether that is proven; `hint` is a feasible one to begin with."""
    # Imported where it is needed: it takes half a second and brings pandas, and no page ever solves anything.
    from ortools.sat.python import cp_model  # noqa: PLC0415

    model = cp_model.CpModel()
    terms: list[tuple[cp_model.IntVar, int]] = []
    chosen: list[dict[int, cp_model.IntVar]] = [{} for _ in problem.cases]
    for index, case in enumerate(problem.cases):
        for option in case.options:
            post = problem.posts[option.post]
            if post.places > 0 and post.load + case.units <= post.capacity:
                variable = model.new_bool_var("")
                chosen[index][option.post] = variable
                model.add_hint(variable, hint[index] == option.post)
                terms.append((variable, problem.worth[index][option.post]))
        model.add_at_most_one(chosen[index].values())
    for number, post in enumerate(problem.posts):
        on = [(of[number], case.units) for of, case in zip(chosen, problem.cases, strict=True) if number in of]
        if not on:
            continue
        model.add(cp_model.LinearExpr.sum([variable for variable, _ in on]) <= post.places)
        # One variable a tenth: the cheaper ones are full before the dearer ones begin, because the costs are convex.
        tenths, at = [], post.load
        top = min(post.capacity, post.load + sum(units for _, units in on))
        while at < top:
            tenth = _tenth(post.capacity, at)
            end = min(top, _threshold(post.capacity, tenth + 1))
            variable = model.new_int_var(0, end - at, "")
            tenths.append(variable)
            terms.append((variable, -tenth * problem.balance * problem.point))
            at = end
        units = cp_model.LinearExpr.weighted_sum([variable for variable, _ in on], [units for _, units in on])
        model.add(units == cp_model.LinearExpr.sum(tenths))
    model.maximize(cp_model.LinearExpr.weighted_sum([variable for variable, _ in terms], [worth for _, worth in terms]))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = WORK
    # It would leave SIGINT with the system's own handler: Ctrl-C would end the process at once.
    solver.parameters.catch_sigint_signal = False
    status = solver.solve(model)
    if status not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        return tuple(hint), False
    plan = tuple(next((post for post, variable in of.items() if solver.boolean_value(variable)), None) for of in chosen)
    return plan, status == cp_model.OPTIMAL
