"""What matching keeps: locked in one order, loaded for the core, written a batch at a time."""

from matching.store.authority import CARED_FOR, keep_ended, raise_cares, raise_managers, raise_policy
from matching.store.bases import (
    absences,
    add_policy,
    basis,
    district_names,
    knows_policy,
    managers,
    newest_policy,
    policies,
    policy_in_force,
    renew_basis,
    write_municipalities,
)
from matching.store.cares import exclude, forget, renew_waiting, write_cares
from matching.store.chains import (
    chain,
    districts,
    lock_heads,
    places_of,
    receipts_at,
    receipts_of,
    without_inputs,
    write_receipts,
)
from matching.store.handovers import (
    add_handover,
    begin_handover,
    discard_handover,
    discard_proposals,
    end_moves,
    finish_handover,
    givers_of_all,
    handover,
    handover_moves,
    handovers,
    held_by,
    managers_of_merged,
    moves_to_make,
    proposed_handovers,
    towns_of_cases,
)
from matching.store.households import (
    assigned,
    cases,
    ids_of,
    lock_households,
    lock_newer,
    standing,
    waiting,
    waiting_for,
)
from matching.store.load import loads, lock_managers, write_loads
from matching.store.queries import query
from matching.store.stimuli import chunks, how_many_batches, record
