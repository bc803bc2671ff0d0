"""What matching keeps: locked in one order, loaded for the core, written a batch at a time."""

from matching.store.bases import (
    NotSeeded,
    add_policy,
    basis,
    district_names,
    knows_policy,
    managers,
    newest_policy,
    policies,
    renew_basis,
    still_due,
    write_municipalities,
)
from matching.store.cares import forget, renew_waiting, write_cares
from matching.store.chains import (
    chain,
    districts,
    lock_heads,
    places_of,
    receipts_of,
    without_inputs,
    write_receipts,
)
from matching.store.households import assigned, cases, lock_households, lock_newer, standing, waiting, waiting_for
from matching.store.load import CapacityExceeded, loads, lock_managers, write_loads
from matching.store.queries import query
from matching.store.stimuli import chunks, how_many_batches, record

__all__ = [
    "CapacityExceeded",
    "NotSeeded",
    "add_policy",
    "assigned",
    "basis",
    "cases",
    "chain",
    "chunks",
    "district_names",
    "districts",
    "forget",
    "how_many_batches",
    "knows_policy",
    "loads",
    "lock_heads",
    "lock_households",
    "lock_managers",
    "lock_newer",
    "managers",
    "newest_policy",
    "places_of",
    "policies",
    "query",
    "receipts_of",
    "record",
    "renew_basis",
    "renew_waiting",
    "standing",
    "still_due",
    "waiting",
    "waiting_for",
    "without_inputs",
    "write_cares",
    "write_loads",
    "write_municipalities",
    "write_receipts",
]
