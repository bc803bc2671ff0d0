"""The databases of the four services as their workers see them, and the owner's: what the demo prepares and reads."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from chassis.broker import Broker
from chassis.database import OWNER, Database
from chassis.service import Service
from geleit.services import all_services, database_of


@dataclass(frozen=True, slots=True)
class Doors:
    """Open databases by service; `owner` alone makes accounts and keys."""

    services: Mapping[str, Service]
    databases: Mapping[str, Database]
    owner: Database

    def __getitem__(self, service: str) -> Database:
        return self.databases[service]

    @property
    def centres(self) -> tuple[str, ...]:
        """Codes of the reception centres."""
        return self.services["intake"].settings.centres

    @property
    def kafka(self) -> Broker:
        """The broker as intake reaches it."""
        return Broker.of(self.services["intake"].settings)


@asynccontextmanager
async def open_doors() -> AsyncIterator[Doors]:
    """Connect to the running geleit; everything is closed at the end of the block."""
    services = {service.name: service for service in all_services()}
    async with AsyncExitStack() as stack:
        databases = {name: await stack.enter_async_context(database_of(one)) for name, one in services.items()}
        owner = await stack.enter_async_context(database_of(services["intake"], OWNER))
        yield Doors(services, databases, owner)
