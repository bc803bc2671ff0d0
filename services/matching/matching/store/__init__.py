"""What matching keeps: locked in one order, loaded for the core, written a batch at a time."""

from matching.store.bases import (
    Basis,
    NotSeeded,
    add_policy,
    basis,
    knows_policy,
    managers,
    newest_policy,
    renew_basis,
    write_municipalities,
)
from matching.store.cares import forget, write_cares
from matching.store.chains import lock_heads, write_receipts
from matching.store.households import cases, lock_households, lock_newer, standing, waiting, waiting_for
from matching.store.load import CapacityExceeded, loads, lock_managers, write_loads
from matching.store.queries import query
from matching.store.stimuli import record

__all__ = [
    "Basis",
    "CapacityExceeded",
    "NotSeeded",
    "add_policy",
    "basis",
    "cases",
    "forget",
    "knows_policy",
    "loads",
    "lock_heads",
    "lock_households",
    "lock_managers",
    "lock_newer",
    "managers",
    "newest_policy",
    "query",
    "record",
    "renew_basis",
    "standing",
    "waiting",
    "waiting_for",
    "write_cares",
    "write_loads",
    "write_municipalities",
    "write_receipts",
]
