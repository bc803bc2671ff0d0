"""What the inbox keeps of each state: heads of care, items, and the words of the other topics."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.assignments import Care
from contracts.vocabulary import CareStatus
from notifications.domain import MOVED_ON, ItemStatus

_STATUS = {
    CareStatus.PROPOSED: ItemStatus.OPEN,
    CareStatus.CONFIRMED: ItemStatus.ACCEPTED,
}


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One inbox item, in the order of the columns it is folded into."""

    household: UUID
    item: int
    home: int
    revision: int
    municipality: str | None
    district: str | None
    status: str
    reason: str
    facts: dict[str, Any] | None
    manager: UUID
    manager_code: str | None
    assigned_at: datetime
    answer_by: datetime | None
    accepted_at: datetime | None
    contacted_at: datetime | None
    ended_at: datetime | None
    answer: str | None
    answer_reason: str | None

    @property
    def columns(self) -> tuple[Any, ...]:
        """The fields in their order."""
        return tuple(getattr(self, name) for name in self.__slots__)


def head(care: Care) -> tuple[object, ...]:
    """The current state of a household's care, in the order of the columns of `care`."""
    last = care.item or max((one.item for one in care.earlier), default=None)
    seen = care.last_answer
    return (
        care.household,
        care.revision,
        care.home,
        care.status.value,
        care.item,
        last,
        care.municipality,
        care.district,
        care.assignee.id if care.assignee else None,
        care.answer_by,
        seen.revision if seen else None,
        seen.applied.value if seen else None,
    )


def items(care: Care) -> list[ItemRow]:
    """All inbox items of a household, told by the newest state of its care alone.

    Facts go with the item that is current: who does not have the case any more does not need them.
    """
    rows = {one.item: _earlier(care, position) for position, one in enumerate(care.earlier)}
    if care.item is not None and care.assignee is not None and care.assigned_at is not None:
        rows[care.item] = ItemRow(
            household=care.household,
            item=care.item,
            home=care.home,
            revision=care.revision,
            municipality=care.municipality,
            district=care.district,
            status=_STATUS.get(care.status, ItemStatus.CLOSED).value,
            reason=care.reason.value,
            facts=_facts(care),
            manager=care.assignee.id,
            manager_code=care.assignee.code,
            assigned_at=care.assigned_at,
            answer_by=care.answer_by,
            accepted_at=care.answered_at,
            contacted_at=care.contacted_at,
            ended_at=care.ended_at,
            answer=None,
            answer_reason=None,
        )
    return [rows[item] for item in sorted(rows)]


def _facts(care: Care) -> dict[str, Any] | None:
    """What is shown of a case while it is with the reader, and what spoke for the manager."""
    if care.case is None:
        return None
    because = {"because": care.because.model_dump(mode="json")} if care.because else {}
    return care.case.model_dump(mode="json", exclude_none=True) | because


def _earlier(care: Care, position: int) -> ItemRow:
    one = care.earlier[position]
    over = one.status is CareStatus.ENDED and one.reason is not None
    return ItemRow(
        household=care.household,
        item=one.item,
        home=care.home,
        revision=care.revision,
        municipality=None,
        district=None,
        status=ItemStatus.CLOSED.value,
        reason=one.reason.value if over and one.reason else MOVED_ON,
        facts=None,
        manager=one.manager,
        manager_code=None,
        assigned_at=one.assigned_at,
        answer_by=None,
        accepted_at=one.answered_at,
        contacted_at=one.contacted_at,
        ended_at=one.ended_at,
        answer=one.answer.value if one.answer else None,
        answer_reason=one.answer_reason.value if one.answer_reason else None,
    )
