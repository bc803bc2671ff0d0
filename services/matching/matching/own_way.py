"""A world that is left to itself: it serves, decides anew and lets time pass as the service would."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from contracts.households import MAX_FAMILY
from contracts.vocabulary import CareReason, CareStatus
from contracts.zone import day_of
from matching import settlement
from matching.days import day_after, start_of
from matching.domain import Household, Policy
from matching.lifecycle import Care, Step, again_step, aged, anew_at, next_phase, waiting_turn
from matching.match import Solve, by_solver
from matching.receipts import Receipt
from matching.rules import capacity, is_on_duty, turns_of, weight
from matching.settlement import AT_ONCE
from matching.stimuli import Batch
from matching.wire import Rostered
from matching.world import World

NO_BATCH = UUID(int=0)


class OwnWay(World):
    """A world that finds by itself who waits, who is served by what comes free, and what time brings.

    From `since` on, `policy` holds, whatever was enacted in fact.
    """

    def __init__(self, policy: Policy | None = None, since: date | None = None) -> None:
        super().__init__()
        self._own, self._since = policy, since
        self._turns = turns_of(policy) if policy else set()
        self._day: date | None = None
        self._waiting: dict[str | None, set[UUID]] = defaultdict(set)
        self._listed: dict[UUID, str | None] = {}
        self._families: dict[UUID, set[UUID]] = defaultdict(set)
        self._again: dict[UUID, datetime] = {}
        self._ageing: dict[date, set[UUID]] = defaultdict(set)

    def follow(self, batch: Batch) -> None:
        """Let time pass until a batch, then apply what it brought from outside."""
        self.pass_time(day_of(batch.at))
        self.apply(batch)
        kinds = {one.kind for one in batch.stimuli}
        if "policy" in kinds:
            self._weigh_anew(batch.at)
            self._decide_anew(self.cases, batch.at)
        elif kinds & {"manager", "municipality"}:
            self._decide_anew(self._all_waiting(), batch.at)

    def pass_time(self, day: date) -> None:
        """Let the days up to and with `day` begin."""
        while self._day is not None and self._day < day:
            self._day = day_after(self._day)
            self._begin_day(self._day)
        if self._day is None:
            self._day = day

    def begin(self, policy: Policy) -> None:
        super().begin(self._own_by_now() or policy)
        self._turns |= turns_of(policy)

    def keep_manager(self, told: Rostered) -> None:
        super().keep_manager(told)
        self._resize(told.manager.id)

    def _own_by_now(self) -> Policy | None:
        own_way = self._since is not None and self._day is not None and self._since <= self._day
        return self._own if own_way else None

    def _resize(self, manager: UUID) -> None:
        if own := self._own_by_now():
            known = self.managers[manager]
            self.managers[manager] = replace(known, capacity=capacity(known.fte_hundredths, own))
            self._basis = None

    def ask(self, steps: dict[UUID, Step], asked: Mapping[str, Any]) -> None:
        """Whom the service decided besides is not taken over: this world finds out by itself."""

    def settle(self, steps: list[Step], now: datetime, batch: UUID, solve: Solve = by_solver) -> list[Receipt]:
        for step in steps:
            self._count(step.case.household)
        mine = {step.case.household.id for step in steps}
        fitting = [one for one in self._who_fits(steps, now) if one not in mine]
        served = self._again_steps(fitting[:AT_ONCE], now)
        receipts = super().settle([self._seen(step) for step in (*steps, *served)], now, batch, solve)
        self._decide_anew(fitting[AT_ONCE:], now)
        return receipts

    def _who_fits(self, steps: list[Step], now: datetime) -> list[UUID]:
        """Who waits where steps make room, and is not heavier than that, in turn."""
        if not (freed := settlement.freed(steps)):
            return []
        ledger = self.ledger(steps, now)
        settlement.release(ledger, steps, now)
        room = settlement.room(self.basis, ledger, freed)
        waiting = {one for ags in settlement.reach(self.basis, freed) for one in self._waiting[ags]}
        return self._in_turn(one for one in waiting if self._weighs(one) <= room)

    def _weighs(self, alias: UUID) -> int:
        facts = self.cases[alias].facts
        assert facts is not None, "who waits has facts"
        return weight(facts, self.basis.policy)

    def keep(self, step: Step, care: Care) -> None:
        super().keep(step, care)
        household = step.case.household
        self._look_later(step, care)
        if household.id in self._listed:
            self._waiting[self._listed.pop(household.id)].discard(household.id)
        if care.status is CareStatus.WAITING:
            self._listed[household.id] = household.municipality
            self._waiting[household.municipality].add(household.id)
        self._weigh_later(care)

    def _look_later(self, step: Step, care: Care | None) -> None:
        if self._day and care and (at := anew_at(step, care, self.basis.policy, self._day)):
            self._again[step.case.household.id] = at

    def _weigh_later(self, care: Care) -> None:
        if self._day and (begins := next_phase(care, self.basis.policy, self._day)):
            self._ageing[begins].add(care.household)

    def _begin_day(self, day: date) -> None:
        now = start_of(day)
        yesterday = day - timedelta(days=1)
        if self._own and day == self._since:
            super().begin(self._own)
            for manager in self.managers:
                self._resize(manager)
            self._weigh_anew(now)
            self._decide_anew(self.cases, now)
        elif day in self._turns:
            self._decide_anew(self.cases, now)
        self._weigh(self._ageing.pop(day, ()), now)
        changed = [one for one in self.managers.values() if is_on_duty(one, day) != is_on_duty(one, yesterday)]
        reach = {ags for one in changed for ags in one.service_area}
        self._decide_anew((one for ags in reach for one in tuple(self._waiting[ags])), now)
        if day.weekday() == 0 and self.basis.field.has_weeks:
            self._decide_anew(self._all_waiting(), now)
        self._decide_anew([one for one, at in self._again.items() if at <= now], now, {CareReason.PARKED})
        self._again = {one: at for one, at in self._again.items() if at > now}

    def _decide_anew(self, aliases: Iterable[UUID], now: datetime, aside: Iterable[CareReason] = ()) -> None:
        ordered = self._in_turn(set(aliases))
        for begin in range(0, len(ordered), AT_ONCE):
            self.settle(self._again_steps(ordered[begin : begin + AT_ONCE], now, set(aside)), now, NO_BATCH)
        for alias in ordered:
            self._look_later(Step(self.cases[alias], None), self.cases[alias].care)

    def _weigh_anew(self, now: datetime) -> None:
        """Weigh every case by a policy that begins, and have it weighed again by that policy's phases."""
        self._ageing.clear()
        for case in self.cases.values():
            if case.care:
                self._weigh_later(case.care)
        self._weigh(self.cases, now)

    def _weigh(self, aliases: Iterable[UUID], now: datetime) -> None:
        cases = [self.cases[alias] for alias in sorted(aliases)]
        steps = [step for case in cases if (step := aged(case, self.basis.policy, day_of(now)))]
        for case in cases:
            if case.care and case.care.assigned:
                self._weigh_later(case.care)
        for begin in range(0, len(steps), AT_ONCE):
            self.settle(steps[begin : begin + AT_ONCE], now, NO_BATCH)

    def _again_steps(self, aliases: Iterable[UUID], now: datetime, aside: set[CareReason] | None = None) -> list[Step]:
        policy, day = self.basis.policy, day_of(now)
        cases = (self.cases[alias] for alias in aliases)
        return [step for case in cases if (step := again_step(case, policy, day, aside or ()))]

    def _in_turn(self, aliases: Iterable[UUID]) -> list[UUID]:
        def turn(alias: UUID) -> tuple[datetime, UUID]:
            case = self.cases[alias]
            listed = waiting_turn(case.household, case.care, self.basis.policy) if case.care else None
            return listed or case.household.registered_at, alias

        return sorted(aliases, key=turn)

    def _all_waiting(self) -> list[UUID]:
        return [one for some in self._waiting.values() for one in some]

    def _count(self, household: Household) -> None:
        """Count a household to its family group as it is now, before anything is decided of it."""
        before = self.cases.get(household.id)
        if before and (group := _group_of(before.household)):
            self._families[group].discard(household.id)
        if group := _group_of(household):
            self._families[group].add(household.id)

    def _seen(self, step: Step) -> Step:
        """The step with what a transaction would see of the family group."""
        group = _group_of(step.case.household)
        family = self._families[group] if group else set()
        if len(family) > MAX_FAMILY:
            return replace(step, case=replace(step.case, strangers=True))
        cases = [self.cases.get(other) for other in family - {step.case.household.id}]
        managers = (case.care.manager for case in cases if case and case.care)
        return replace(step, case=replace(step.case, relatives=frozenset(one for one in managers if one)))


def _group_of(household: Household) -> UUID | None:
    return household.facts.family_group if household.facts else None
