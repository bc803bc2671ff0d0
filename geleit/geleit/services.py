"""The four services, as this process's environment or the geleit that runs here sets them up."""

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import ValidationError

import chassis.settings
from chassis.database import Database, Tx
from chassis.service import Service, open_database
from geleit.failures import Failure
from geleit.settings import Settings
from geleit.state import addresses
from intake.app import service as intake
from intake.settings import Settings as IntakeSettings
from matching.app import service as matching
from notifications.app import service as notifications
from notifications.settings import Settings as NotificationsSettings
from reporting.app import service as reporting

S = TypeVar("S", bound=chassis.settings.Settings)
T = TypeVar("T")


class ServiceName(StrEnum):
    """Which one a command is about."""

    INTAKE = "intake"
    MATCHING = "matching"
    NOTIFICATIONS = "notifications"
    REPORTING = "reporting"


def installation() -> chassis.settings.Settings:
    """The settings of whoever installs, which no service overrides. Raises Failure as `all_services` does."""
    os.environ.update(addresses(Settings().state_dir))
    return chassis.settings.Settings()


def all_services() -> Sequence[Service]:
    """In the order of the flow: intake, matching, notifications, reporting.

    Raises Failure if no addresses are given and none is running.
    """
    os.environ.update(addresses(Settings().state_dir))
    return list(services_with(own).values())


def services_with(settings: Callable[[type[Any], str], Any]) -> dict[str, Service]:
    """By name, in the order of the flow; `settings` makes those of a kind for the service of a name."""
    return {
        "intake": intake(settings(IntakeSettings, "intake")),
        "matching": matching(settings(chassis.settings.Settings, "matching")),
        "notifications": notifications(settings(NotificationsSettings, "notifications")),
        "reporting": reporting(settings(chassis.settings.Settings, "reporting")),
    }


def own(kind: type[S], service: str) -> S:
    """A service's settings: a variable with its name before it (MATCHING_DATABASE_PASSWORD) wins over that of all.

    Not for addresses to listen at: some platforms set INTAKE_PORT to what is no port. Raises Failure.
    """
    names = kind.model_fields.keys() - {"host", "port", "health_port"}
    wins = {name: value for name in names if (value := os.environ.get(f"{service}_{name}".upper()))}
    try:
        return kind.model_validate(wins)
    except ValidationError as error:
        own_names = {name: f"{service}_{name}" for name in wins}
        raise Failure(chassis.settings.wrong_variables(error, own_names)) from None


def the_service(name: str) -> Service:
    """One of them. Raises KeyError."""
    return {service.name: service for service in all_services()}[name]


def operator() -> str:
    """Who gives a command, as their environment or this host calls them: by number where there is no name."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # up to Python 3.12, and from 3.13 on
        name = str(os.getuid())
    # A name that is not UTF-8 is no reason to do nothing.
    return f"cli:{name.encode(errors='replace').decode()[:100]}"


@asynccontextmanager
async def database_of(service: Service, use: str = "worker", *, restoring: bool = False) -> AsyncIterator[Database]:
    """The service's database as its worker (or OWNER) has it, inside the block. Raises what `open_database` raises.

    The trail names whoever gives the command.
    """
    database = await open_database(service, use, restoring=restoring)
    database.actor = operator()
    try:
        yield database
    finally:
        await database.close()


def transact(service: Service, work: Callable[[Tx], Awaitable[T]], use: str = "worker") -> T:
    """What a command does in one transaction of a service's database."""

    async def run() -> T:
        async with database_of(service, use) as database, database.transaction() as tx:
            return await work(tx)

    return asyncio.run(run())
