"""Who asks: the principal of a request and the tenant its transactions are held to."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

STATE_WIDE = "08"
"""The tenant of who sees the whole state: Baden-Württemberg's own official key (AGS), a prefix of all others."""


class Role(StrEnum):
    """The roles of people and machines; a manager is an integration manager."""

    CENTRE = "centre"
    MUNICIPALITY = "municipality"
    MANAGER = "manager"
    DISTRICT = "district"
    STATE = "state"
    OPERATOR = "operator"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose rows a transaction may see: `geleit.role` and `geleit.tenant` of row-level security.

    `id` is a centre's code, a municipality's 8-digit or a district's 5-digit AGS, a manager's id, or STATE_WIDE.
    """

    role: Role
    id: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is signed in (`via` session), calls with a key, or alone may write to a topic.

    `subject` is the account's or the key's id, or the topic.
    """

    subject: str
    name: str
    role: Role
    tenant_id: str
    via: Literal["session", "key", "topic"]

    @property
    def tenant(self) -> Tenant:
        """The tenant to open transactions with."""
        return Tenant(self.role, self.tenant_id)
