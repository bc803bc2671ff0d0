"""What is asked of matching: a manager for a household, and a person's wish whose it be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.vocabulary import CareReason
from matching.domain import Facts, Household, OverrideReason, Policy
from matching.rules import head_start

BY_RULES = "rules"
BY_A_PERSON = "a person"
"""How a decision came about that follows a person's wish."""


@dataclass(frozen=True, slots=True)
class Undo:
    """A decline was taken back: the former manager is asked again if she still passes every gate."""

    manager: UUID


@dataclass(frozen=True, slots=True)
class Override:
    """A person has chosen; gates and points are shown in the receipt but do not bind."""

    manager: UUID
    reason: OverrideReason


@dataclass(frozen=True, slots=True)
class Stay:
    """The household moved to where its manager serves too: it stays with her, whatever gates and points say.

    It takes a place of her week only if it is `new`, because it came to her in this one.
    """

    manager: UUID
    new: bool = False


Wish = Undo | Override | Stay

WISHED: Mapping[type[Wish], tuple[CareReason, str]] = {
    Undo: (CareReason.DECLINE_UNDONE, BY_A_PERSON),
    Override: (CareReason.OVERRIDDEN, BY_A_PERSON),
    Stay: (CareReason.MANAGER_STAYS, BY_RULES),
}
"""What is said of a decision that follows a wish: its reason, and how it came about."""


def is_new(wish: Wish | None) -> bool:
    """Whether a case that is given by this wish counts among the new ones of the week."""
    return wish.new if isinstance(wish, Stay) else True


@dataclass(frozen=True, slots=True)
class Ask:
    """A household that wants a decision.

    `excluded` may not get it again, `former` had it before, `relatives` have others of its family group.
    """

    household: Household
    facts: Facts
    waiting_since: datetime
    excluded: frozenset[UUID] = frozenset()
    wish: Wish | None = None
    former: frozenset[UUID] = frozenset()
    relatives: frozenset[UUID] = frozenset()

    @property
    def settled(self) -> UUID | None:
        """Whose the household is, whatever the gates say."""
        return self.wish.manager if isinstance(self.wish, Override | Stay) else None


def turn_of(ask: Ask, policy: Policy) -> datetime:
    """Since when a household counts as waiting, by the policy's priorities: who has the earlier turn comes first."""
    return ask.waiting_since - head_start(ask.facts, policy)
