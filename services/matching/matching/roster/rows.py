"""A manager as she is kept and told: from a line of a file, from what was kept before, from what is heard of her."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from chassis.vault import Sealed, Unopenable, Vault
from contracts.roster import Manager as ManagerState
from contracts.vocabulary import ManagerStatus, Skill
from matching.domain import Policy
from matching.roster import store
from matching.roster.sheet import Row
from matching.rules import capacity

OPENED = date(2017, 12, 1)
"""Since when managers work where a file does not say: the begin of the administrative regulation."""


def manager_id(provider: str, code: str) -> UUID:
    """The id of a manager for ever, from what her provider calls her."""
    return uuid5(NAMESPACE_URL, f"geleit:manager:{provider}/{code}")


def columns_of(key: UUID, row: Row, policy: Policy, share: int) -> dict[str, Any]:
    """What a line of a file makes of a manager with that share of a post today, in hundredths; lists are words."""
    return {
        "id": key,
        "code": row.code,
        "provider": row.provider,
        "status": ManagerStatus.ACTIVE.value,
        "name": row.name,
        "fte_hundredths": share,
        "capacity": capacity(share, policy),
        "base_load": row.base_load,
        "languages": " ".join(row.languages),
        "skills": " ".join(row.skills),
        "service_area": " ".join(row.service_area),
        "office": row.office,
        "active_from": row.active_from or OPENED,
        "active_until": row.active_until,
        "max_new_per_week": row.max_new_per_week,
    }


def columns_kept(kept: store.Kept) -> dict[str, Any]:
    """All but the name, which is sealed."""
    same = ("id", "code", "provider", "status", "fte_hundredths", "capacity", "base_load", "office", "max_new_per_week")
    dates = ("active_from", "active_until")
    return {column: kept[column] for column in (*same, *dates)} | _lists(kept)


def name_of(kept: store.Kept, vault: Vault) -> str | None:
    """A manager's name; None once it is erased, or if it was sealed with another master key."""
    if kept["name_key"] is None:
        return None
    try:
        return vault.open(Sealed(kept["name_key"], kept["name_box"]), kept["id"].bytes).decode()
    except Unopenable:
        return None


def row_of(key: UUID, columns: Mapping[str, Any], kept: store.Kept | None, vault: Vault) -> store.Written:
    """The row to write, with the name sealed anew; `kept` is what it replaces."""
    name = vault.seal(columns["name"].encode(), key.bytes)
    return store.Written(
        **{column: value for column, value in columns.items() if column != "name"},
        revision=kept["revision"] + 1 if kept else 1,
        name_key=name.key,
        name_box=name.box,
    )


def row_removed(kept: store.Kept) -> store.Written:
    """What stays of who left: her code for the cares that name it, and no name."""
    return row_again(kept, status=ManagerStatus.REMOVED.value, name_key=None, name_box=None)


def row_of_stranger(one: ManagerState) -> store.Written:
    """Who is only heard of is kept as somebody who left."""
    return store.Written(
        id=one.id,
        revision=one.revision + 1,
        code=one.code,
        provider=one.provider,
        status=ManagerStatus.REMOVED.value,
        name_key=None,
        name_box=None,
        fte_hundredths=one.fte_hundredths,
        capacity=one.capacity,
        base_load=0,
        languages=" ".join(one.languages),
        skills=" ".join(one.skills),
        service_area=" ".join(one.service_area),
        office=one.service_area[0] if one.service_area else "",
        active_from=one.active_from,
        active_until=one.active_until,
        max_new_per_week=one.max_new_per_week,
    )


def row_again(kept: store.Kept, **news: Any) -> store.Written:
    """The row as it is kept, but for what is new."""
    row = {column: kept[column] for column in store.Written._fields}
    return store.Written(**row | _lists(kept) | news | {"revision": kept["revision"] + 1})


def _lists(kept: store.Kept) -> dict[str, str]:
    return {column: " ".join(kept[column]) for column in ("languages", "skills", "service_area")}


def state_of(kept: store.Kept) -> ManagerState:
    """What the topic `roster` tells of a manager."""
    return ManagerState(
        id=kept["id"],
        revision=kept["revision"],
        code=kept["code"],
        provider=kept["provider"],
        status=ManagerStatus(kept["status"]),
        fte_hundredths=kept["fte_hundredths"],
        capacity=kept["capacity"],
        base_load=kept["base_load"],
        languages=tuple(kept["languages"]),
        skills=tuple(map(Skill, kept["skills"])),
        service_area=tuple(kept["service_area"]),
        active_from=kept["active_from"],
        active_until=kept["active_until"],
        max_new_per_week=kept["max_new_per_week"],
        changed_at=kept["changed_at"],
    )
