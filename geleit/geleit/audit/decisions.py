"""What matching decided: never two managers at once (I3), never over capacity (I4), receipts that prove it (I10)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

from chassis.database import Tx
from geleit.audit.finding import Finding, Invariant
from geleit.audit.store import Kept
from matching import store
from matching.receipts import SETTLED, Head, Receipt, broken_at, recompute, statement_of
from matching.replay import replay


def never_two_managers(matching: Kept) -> Finding:
    """I3: each assignment of a household ended before the next began, and the open one is its care's."""
    finding = Finding(Invariant.I3)
    history: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in matching.own["assignment"]:
        history[row["household"]].append(row)
    finding.checked = len(matching.own["assignment"])
    for household, assignments in history.items():
        for before, after in pairwise(assignments):
            if before["ended_at"] is None or before["ended_at"] > after["assigned_at"]:
                finding.faults.append(f"{household} has two managers at item {after['item']}")
    finding.faults += [f"{row['household']}: care and assignment differ" for row in matching.own["differing"]]
    return finding


async def proven(tx: Tx, matching: Kept) -> tuple[Finding, Finding]:
    """I4 and I10, in the snapshot that `matching` was read in: of every decision there is, a district at a time."""
    capacity, receipts = Finding(Invariant.I4), Finding(Invariant.I10)
    for row in matching.own["manager"]:
        capacity.checked += 1
        if row["load"] != row["carried"] or row["load"] > row["capacity"] + row["tolerated"]:
            capacity.faults.append(
                f"manager {row['id']}: load {row['load']}, carries {row['carried']},"
                f" capacity {row['capacity']} + {row['tolerated']}"
            )
    given = {
        (row["district"], row["position"]): Given(row["manager"] and str(row["manager"]), row["moved"])
        for row in matching.own["proven"]
    }
    heads = {row["district"]: Head(row["position"], row["hash"]) for row in matching.own["head"]}
    for district in sorted({*await store.districts(tx), *heads}):
        chain = await store.chain(tx, district)
        receipts.checked += len(chain)
        capacity.checked += len(chain)
        if place := broken_at(chain):
            receipts.faults.append(f"the chain of {district or 'no district'} breaks at {place}")
        end = Head(chain[-1].position, chain[-1].hash) if chain else Head()
        if heads.get(district) != end:
            receipts.faults.append(f"the chain of {district or 'no district'} does not end with its head")
        of_one_chain(chain, capacity, receipts, given)
    receipts.faults += [f"item {row['item']} of {row['household']} has no receipt" for row in matching.own["unproven"]]
    receipts.faults += [f"the care of {row['household']} has another receipt" for row in matching.own["receipt"]]
    replayed = await replay(tx)
    receipts.faults += [
        f"receipt {district}/{position} is not made again" for district, position in sorted(replayed.otherwise)
    ]
    return capacity, receipts


class Given(NamedTuple):
    """To whom, if anybody, a decision has given a household, and whether that was a move of a handover."""

    manager: str | None
    moved: bool


def of_one_chain(
    chain: Sequence[Receipt],
    capacity: Finding,
    receipts: Finding,
    given: Mapping[tuple[str, int], Given] = MappingProxyType({}),
) -> None:
    """Whether each receipt leads to its choice, within capacity; what cannot be read was changed.

    `given` is what became of them, by district and position. What a person has chosen may go above capacity, and
    who stays after a move; not so what was moved by a handover.
    """
    for receipt in chain:
        place = f"{receipt.district}/{receipt.position}"
        try:
            stated = statement_of(receipt.content)
            _of_one(stated, place, receipts)
            became = given.get((receipt.district, receipt.position))
            if became and became.manager != stated["chosen"]:
                receipts.faults.append(
                    f"receipt {place} leads to {stated['chosen']}, and {became.manager or 'nobody'} has it"
                )
            if (became and became.moved) or not _settled(stated):
                _within(stated, place, capacity)
        except (ValueError, KeyError, TypeError):
            receipts.faults.append(f"receipt {place} cannot be read")


def _of_one(stated: Mapping[str, Any], place: str, receipts: Finding) -> None:
    choice = recompute(stated)
    chosen = str(choice.manager) if choice.manager else None
    if (choice.status, choice.reason, chosen) != (stated["status"], stated["reason"], stated["chosen"]):
        receipts.faults.append(f"receipt {place} leads to {choice.status}, {choice.reason}, {chosen}")


def _settled(stated: Mapping[str, Any]) -> bool:
    """Whether capacity did not bind: a person has chosen, or the household was with her before it moved."""
    return stated["wish"] is not None and stated["wish"]["kind"] in SETTLED


def _within(stated: Mapping[str, Any], place: str, capacity: Finding) -> None:
    for one in stated["candidates"]:
        if one["manager"] == stated["chosen"] and one["load"] + stated["weight"] > one["capacity"]:
            capacity.faults.append(f"receipt {place} goes over capacity")
