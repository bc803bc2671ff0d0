"""A service as data, and what it needs of its database."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chassis.authority import Authority
from chassis.consumer import Handler
from chassis.database import Database, Tx
from chassis.errands import Errand
from chassis.failpoint import failpoint
from chassis.gauges import Measure
from chassis.settings import Settings
from chassis.timers import DueHandler
from chassis.vault import Vault, master_key
from contracts.record import State
from contracts.topics import Topic

if TYPE_CHECKING:
    from chassis.web.surroundings import Site


@dataclass(frozen=True, slots=True)
class Service:
    """What chassis needs to know of a service.

    `name` is its schema, consumer group, roles' prefix and event source; `package` is where its `sql/`,
    `templates/` and `locale/` lie; `prefix` is the path its web app answers under; `seed` runs once after
    each migration and returns what is to be published; `measures` set the gauges that need its tables; `writes` are the
    compacted topics it is the authority for; `come_back` runs on tables that come from a backup. Who `gathers` takes
    records up to so many seconds later, and more of them at once: less work.
    """

    name: str
    package: str
    prefix: str
    settings: Settings
    on: Mapping[Topic, Handler] = field(default_factory=dict)
    on_due: Mapping[str, DueHandler] = field(default_factory=dict)
    errands: Sequence[Errand] = ()
    measures: Sequence[Measure] = ()
    web: Callable[[], "Site"] | None = None
    seed: Callable[[Tx], Awaitable[Sequence[State]]] | None = None
    writes: Mapping[Topic, Authority] = field(default_factory=dict)
    come_back: Callable[[Tx], Awaitable[None]] | None = None
    gathers: float = 0.0

    def vault(self) -> Vault:
        """The vault of this process's master key. Raises VaultKeyInvalid."""
        return Vault(master_key(self.settings.vault_master_key, self.settings.vault_master_key_file))


async def open_database(service: Service, use: str, *, restoring: bool = False) -> Database:
    """Connect once as the service's role. Raises one of AWAY, or asyncpg.PostgresError before migrations.

    Only who is `restoring` gets in before a restore has come to its end.
    """
    settings = service.settings
    return await Database.open(
        settings.database_url,
        service=service.name,
        use=use,
        password=settings.database_password,
        connections=settings.database_connections,
        restoring=restoring,
    )


async def seed(service: Service) -> None:
    """Run the service's seed in one transaction of its worker."""
    if service.seed is None:
        return
    database = await open_database(service, "worker", restoring=True)
    try:
        async with database.transaction() as tx:
            await tx.publish(await service.seed(tx))
            failpoint("seed.published")
    finally:
        await database.close()
