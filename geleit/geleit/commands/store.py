"""What commands read from the tables of several services, as the database's owner."""

from chassis.access import Role
from chassis.database import Tx

_KNOWN = {
    Role.MUNICIPALITY: "select exists (select from intake.municipality where ags = $1)",
    Role.MANAGER: "select exists (select from matching.manager where id::text = $1)",
}


async def is_known(tx: Tx, role: Role, tenant: str) -> bool:
    """Whether the tables know the tenant; those of other roles stand in no table, and count as known."""
    return role not in _KNOWN or bool(await tx.fetchval(_KNOWN[role], tenant))
