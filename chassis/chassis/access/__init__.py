"""Who asks, what they may do, and whose data they see."""

from chassis.access.permissions import Permission, permissions_of
from chassis.access.principal import STATE_WIDE, Principal, Role, Tenant

__all__ = ["STATE_WIDE", "Permission", "Principal", "Role", "Tenant", "permissions_of"]
