"""Intake's rows. Locks are taken in one order: idempotency keys (sorted), references (sorted), municipalities."""

from intake.store.aggregates import (
    Head,
    destroy_sealed,
    households,
    lock_references,
    save_heads,
    save_households,
    save_sealed,
    sealed,
)
from intake.store.idempotency import Kept, claim_keys, forget_keys, keep_answers, release_keys
from intake.store.lists import Shown, apply_cares, shown
from intake.store.register import choices, existing_municipalities, lock_register, save_register
from intake.store.verdicts import Place, Ruling, seen, write_verdicts

__all__ = [
    "Head",
    "Kept",
    "Place",
    "Ruling",
    "Shown",
    "apply_cares",
    "choices",
    "claim_keys",
    "destroy_sealed",
    "existing_municipalities",
    "forget_keys",
    "households",
    "keep_answers",
    "lock_references",
    "lock_register",
    "release_keys",
    "save_heads",
    "save_households",
    "save_register",
    "save_sealed",
    "sealed",
    "seen",
    "shown",
    "write_verdicts",
]
