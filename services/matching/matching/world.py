"""Matching without a database: the same steps and decisions, from what was put in."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from contracts.households import Household as HouseholdState
from contracts.municipalities import Municipality
from contracts.policy import Policy as PolicyState
from contracts.responses import Response
from contracts.vocabulary import CareReason, CareStatus, HouseholdStatus
from contracts.zone import day_of
from matching import settlement
from matching.answers import answered
from matching.ask import Override
from matching.days import monday_of
from matching.domain import Carried, Household, Manager, OverrideReason, Place, Policy
from matching.field import Field
from matching.lifecycle import Care, Case, Step, aged, anew, changed, kept_apart, retold
from matching.match import Solve, by_solver
from matching.receipts import Head, Receipt, chained
from matching.settlement import Basis, Booking, Ledger
from matching.stimuli import Batch, Stimulus
from matching.wire import ROSTERED, Rostered, household_of, policy_of, reply_of


class World:
    """All that decisions rest on; a household is known by its alias only."""

    def __init__(self) -> None:
        self.cases: dict[UUID, Case] = {}
        self.policy: Policy | None = None
        self.managers: dict[UUID, Manager] = {}
        self._loads: dict[UUID, int] = {}
        self._weeks: dict[UUID, tuple[date, int]] = {}
        self._base: dict[UUID, int] = {}
        self._places: dict[str, Place] = {}
        self._heads: dict[str, Head] = {}
        self._basis: Basis | None = None

    def apply(self, batch: Batch, solve: Solve = by_solver) -> list[Receipt]:
        """Apply a batch's inputs; the receipts of what was decided then."""
        return self.settle(self.steps_of(batch), batch.at, batch.id, solve)

    def steps_of(self, batch: Batch) -> list[Step]:
        """Keep what a batch tells of roster, register and policy; the steps of all that it says of cases."""
        steps: dict[UUID, Step] = {}
        for one in batch.stimuli:
            match one.kind:
                case "policy":
                    self.begin(policy_of(PolicyState.model_validate_json(one.payload)))
                case "municipality":
                    self._keep_place(Municipality.model_validate_json(one.payload))
                case "manager":
                    self.keep_manager(ROSTERED.validate_json(one.payload))
                case "asked":
                    self.ask(steps, orjson.loads(one.payload))
                case "raised" | "ended":
                    self._restored(one, batch.at)
                case _:
                    assert one.aggregate, "every input to a case names it"
                    if step := self._step(UUID(one.aggregate), one, batch.at):
                        steps[step.case.household.id] = step
        return list(steps.values())

    def settle(self, steps: list[Step], now: datetime, batch: UUID, solve: Solve = by_solver) -> list[Receipt]:
        """Carry steps out as the service does; the receipts of the decisions among them."""
        if not steps:
            return []
        ledger = self.ledger(steps, now)
        settlement.release(ledger, steps, now)
        around, decisions = settlement.decide(self.basis, ledger, steps, now, solve)
        heads = {district: self._heads.get(district, Head()) for district in settlement.districts_of(decisions)}
        receipts = chained(decisions, heads, around, batch)
        for step, care in settlement.conclude(ledger, steps, decisions, receipts, around):
            self.keep(step, care)
        self._heads |= {one.district: Head(one.position, one.hash) for one in receipts}
        for manager, booking in ledger.booked.items():
            self._book(manager, booking, monday_of(now))
        return receipts

    def ledger(self, steps: list[Step], now: datetime) -> Ledger:
        """What all those carry whom steps concern."""
        managers = settlement.concerned(self.basis, steps, settlement.freed(steps))
        return Ledger({manager: self._carried(manager, monday_of(now)) for manager in managers})

    def begin(self, policy: Policy) -> None:
        """Put a policy into force."""
        self.policy = policy
        self._basis = None

    @property
    def basis(self) -> Basis:
        """What decisions stand on besides loads."""
        if self._basis is None:
            assert self.policy, "a policy comes before what is decided by it"
            self._basis = Basis(UUID(int=0), self.policy, Field(list(self.managers.values()), self._places))
        return self._basis

    def _step(self, alias: UUID, one: Stimulus, now: datetime) -> Step | None:
        match one.kind:
            case "household":
                return self._changed(alias, one, now)
            case "response":
                # Unknown is who was erased before the answer came: nothing is decided of them any more.
                state, case = Response.model_validate_json(_with_key(one, "household")), self.cases.get(alias)
                return answered(case, reply_of(state), now, self.basis.policy) if case else None
            case "override":
                stated = orjson.loads(one.payload)
                manager = UUID(stated["manager"])
                wish = Override(manager, OverrideReason(stated["reason"]))
                case = self.cases[alias]
                return Step(case, case.care, decide=True, wish=wish, readmit=manager)
            case "apart":
                manager = UUID(orjson.loads(one.payload)["manager"])
                case = self.cases[alias]
                self.cases[alias] = replace(case, excluded=case.excluded | {manager}, apart=case.apart | {manager})
                return kept_apart(self.cases[alias], manager)
            case "aged":
                return aged(self.cases[alias], self.basis.policy, day_of(now))
            case "retold":
                return retold(self.cases[alias])
            case _:
                raise ValueError(f"stimuli of kind {one.kind} are not known here")

    def _restored(self, one: Stimulus, now: datetime) -> None:
        """A care goes on above what the broker has heard: a known one, or an ended one of whom only the broker knew."""
        assert one.aggregate, "a restore says whose care it raises"
        assert one.revision, "and to what"
        alias = UUID(one.aggregate)
        if one.kind == "ended":
            since = datetime.fromisoformat(orjson.loads(one.payload)["registered_at"])
            reason = CareReason.HOUSEHOLD_ERASED
            care = Care(alias, one.revision, 0, CareStatus.ENDED, reason, now, waiting_since=since, ended_at=now)
            self.cases[alias] = Case(Household(alias, 0, 0, HouseholdStatus.ERASED, since, None, alias), care)
        # Unknown is who was erased: their inputs name nobody any more.
        elif case := self.cases.get(alias):
            assert case.care, "only a care that is told has a revision"
            self.cases[alias] = replace(case, care=replace(case.care, revision=one.revision))

    def _changed(self, alias: UUID, one: Stimulus, now: datetime) -> Step:
        household = household_of(HouseholdState.model_validate_json(_with_key(one, "id")), now)
        before = self.cases.get(alias)
        case = Case(household)
        if before:
            household = replace(household, registered_at=before.household.registered_at)
            case = replace(before, household=household)
        known = before.household.facts if before and household.facts else None
        manager = self.managers[case.care.manager] if case.care and case.care.manager else None
        return changed(case, known, manager, policy=self.basis.policy, day=day_of(now), now=now)

    def ask(self, steps: dict[UUID, Step], asked: Mapping[str, Any]) -> None:
        """Add whom else the transaction decided, which relatives it saw, and whose family group was none."""
        for alias in map(UUID, asked["again"]):
            steps.setdefault(alias, anew(self.cases[alias]))
        for alias, managers in asked["relatives"].items():
            step = steps[UUID(alias)]
            relatives = frozenset(map(UUID, managers))
            steps[UUID(alias)] = replace(step, case=replace(step.case, relatives=relatives))
        for alias in map(UUID, asked["strangers"]):
            steps[alias] = replace(steps[alias], case=replace(steps[alias].case, strangers=True))

    def keep(self, step: Step, care: Care) -> None:
        """Keep a case as a step has left it."""
        excluded = step.case.excluded | ({step.exclude} if step.exclude else set())
        apart = step.case.apart - {step.readmit}
        case = replace(step.case, care=care, excluded=excluded - {step.readmit}, apart=apart)
        # What a transaction saw of others is told anew by the next one.
        self.cases[case.household.id] = replace(case, relatives=frozenset(), strangers=False)

    def _keep_place(self, told: Municipality) -> None:
        self._places.pop(told.ags, None)
        if told.latitude is not None and told.longitude is not None:
            self._places[told.ags] = (told.latitude, told.longitude)
        self._basis = None

    def keep_manager(self, told: Rostered) -> None:
        """Keep a manager as the roster has her."""
        key = told.manager.id
        self._loads[key] = self._loads.get(key, 0) - self._base.get(key, 0) + told.base_load
        self._base[key] = told.base_load
        self.managers[key] = told.manager
        self._basis = None

    def _carried(self, manager: UUID, monday: date) -> Carried:
        week, new = self._weeks.get(manager, (monday, 0))
        return Carried(self._loads[manager], new if week == monday else 0)

    def _book(self, manager: UUID, booking: Booking, monday: date) -> None:
        """As write_loads.sql does: a transaction that began last week does not turn the week back."""
        self._loads[manager] += booking.units
        week, new = self._weeks.get(manager, (monday, 0))
        if week <= monday and any(booking):
            self._weeks[manager] = monday, max(0, booking.new + (new if week == monday else 0))


def _with_key(one: Stimulus, name: str) -> bytes:
    """The payload with the alias where the key of its aggregate was."""
    return orjson.dumps(orjson.loads(one.payload) | {name: one.aggregate})
