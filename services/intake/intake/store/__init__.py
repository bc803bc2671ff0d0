"""Intake's rows. Locks are taken in one order: idempotency keys (sorted), a district's round, references (sorted),
municipalities."""

from intake.store.aggregates import (
    Head,
    destroy_sealed,
    heads,
    households,
    lock_references,
    save_heads,
    save_households,
    save_sealed,
    sealed,
)
from intake.store.authority import (
    HOUSEHOLD_IDS,
    keep_dissolved,
    keep_erased,
    keep_seen,
    lost_households,
    raise_households,
    raise_register,
    raise_verdicts,
)
from intake.store.idempotency import Kept, claim_keys, forget_keys, keep_answers, release_keys
from intake.store.lists import Shown, apply_cares, changed, shown
from intake.store.quota import (
    allotted_in,
    begin_round,
    confirmed_rounds,
    keep_in_ledger,
    ledger_of,
    lock_households,
    names_in,
    save_allotted,
    save_ledgers,
    waiting_by_district,
    waiting_in,
)
from intake.store.register import choices, existing_municipalities, lock_register, save_register
from intake.store.verdicts import Place, Ruling, forget_reference, is_overtaken, seen, write_verdicts
