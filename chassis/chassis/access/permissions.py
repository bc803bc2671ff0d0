"""What each role may do: the one table from roles to permissions."""

from collections.abc import Mapping
from enum import StrEnum

from chassis.access.principal import Role


class Permission(StrEnum):
    """One thing a route asks for before it does anything."""

    SUBMIT_HOUSEHOLDS = "submit_households"
    READ_HOUSEHOLDS = "read_households"
    READ_IDENTITIES = "read_identities"
    ALLOT_HOUSEHOLDS = "allot_households"

    READ_ROSTER = "read_roster"
    EDIT_ROSTER = "edit_roster"
    READ_CASES = "read_cases"
    READ_WAITING = "read_waiting"
    OVERRIDE_DECISIONS = "override_decisions"

    READ_INBOX = "read_inbox"
    ANSWER_INBOX = "answer_inbox"

    READ_REPORTS = "read_reports"

    READ_OPERATIONS = "read_operations"
    RUN_OPERATIONS = "run_operations"
    READ_AUDIT = "read_audit"


_P = Permission

# A district and the state differ by the places whose rows they see, not by what they may do there.
_DECIDING = frozenset(
    {
        _P.ALLOT_HOUSEHOLDS,
        _P.READ_ROSTER,
        _P.EDIT_ROSTER,
        _P.READ_CASES,
        _P.READ_WAITING,
        _P.OVERRIDE_DECISIONS,
        _P.READ_INBOX,
        _P.READ_REPORTS,
    }
)
# An operator keeps the machines running and sees no case: parked records are shown by error class and position.
# Who waits has no manager: no manager sees a case that waits, and a list of them would tell her that there is none.
# Households are read as their centre registered them, by that centre; all others read what matching makes of them.
# A municipality's right to identities is the right to ask; the owner of the names also wants a confirmed case.
_GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.CENTRE: frozenset({_P.SUBMIT_HOUSEHOLDS, _P.READ_HOUSEHOLDS, _P.READ_IDENTITIES, _P.READ_REPORTS}),
    Role.MUNICIPALITY: frozenset(
        {
            _P.READ_IDENTITIES,
            _P.READ_ROSTER,
            _P.READ_CASES,
            _P.READ_WAITING,
            _P.READ_INBOX,
            _P.ANSWER_INBOX,
            _P.READ_REPORTS,
        }
    ),
    Role.MANAGER: frozenset({_P.READ_IDENTITIES, _P.READ_CASES, _P.READ_INBOX, _P.ANSWER_INBOX}),
    Role.DISTRICT: _DECIDING,
    Role.STATE: _DECIDING,
    Role.OPERATOR: frozenset({_P.READ_OPERATIONS, _P.RUN_OPERATIONS}),
    Role.AUDITOR: frozenset(
        {
            _P.READ_ROSTER,
            _P.READ_CASES,
            _P.READ_WAITING,
            _P.READ_INBOX,
            _P.READ_REPORTS,
            _P.READ_OPERATIONS,
            _P.READ_AUDIT,
        }
    ),
}


def permissions_of(role: Role) -> frozenset[Permission]:
    """All that a role may do; nothing that is not written above."""
    return _GRANTS[role]
