"""Commands for the broker: accounts and rights (SASL/SCRAM and ACLs), and what on it nobody can read."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chassis.service import Service
from chassis.settings import Settings
from contracts.topics import submissions
from geleit.broker_admin import WITHIN, admin_of
from geleit.failures import RUNS, Failure
from geleit.rights import Action, Kind, Right, centre_account, rights_of_centre, rights_of_service
from geleit.services import all_services, installation

broker = typer.Typer(no_args_is_help=True, help="Accounts and rights on the broker; what it holds and nobody can read.")
console = Console()


ITERATIONS = 8192
"""Of SCRAM-SHA-512: Kafka's own default is 4096, the least it takes."""


@broker.command("rights")
def show() -> None:
    """Show who may do what: for a broker whose accounts somebody else keeps."""
    table = Table("account", "may", "kind", "name")
    for one in sorted(_all_rights(all_services(), installation().centres)):
        table.add_row(one.account, one.action, one.kind, one.name)
    console.print(table)


@broker.command("prepare")
def prepare() -> None:
    """Make the services' accounts and give every account its rights; run by whoever may, after `geleit migrate`."""
    settings, services = installation(), all_services()
    admin = admin_of(settings)
    _wait(admin.alter_user_scram_credentials([_credential(*_account_of(service)) for service in services]))
    _grant(admin, _all_rights(services, settings.centres))
    typer.echo(f"{len(services)} services' accounts, rights of {len(settings.centres)} centres")


@broker.command("account")
def account(centre: Annotated[str, typer.Argument(help="code of the reception centre")]) -> None:
    """Make the account of a reception centre, or give it a new password; it is shown once."""
    settings = _of_centre(centre)
    password = secrets.token_urlsafe(24)
    admin = admin_of(settings)
    _wait(admin.alter_user_scram_credentials([_credential(centre_account(centre), password)]))
    _grant(admin, rights_of_centre(centre))
    typer.echo(f"{centre_account(centre)} {password}")


@broker.command("skip")
def skip(
    centre: Annotated[str, typer.Argument(help="code of the reception centre")],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Delete what a centre has sent: where a batch cannot be unpacked, nothing behind it is read."""
    settings = _of_centre(centre)
    topic = submissions(centre).name
    if not yes:
        typer.confirm(f"Delete what is on {topic}? The centre has to offer anew what it has no verdict of.", abort=True)
    from confluent_kafka import OFFSET_END, TopicPartition  # noqa: PLC0415

    admin = admin_of(settings)
    _wait(admin.delete_records([TopicPartition(topic, 0, OFFSET_END)], request_timeout=WITHIN))
    typer.echo(f"{topic} is empty; intake goes on with what comes now")


def _of_centre(centre: str) -> Settings:
    settings = installation()
    if centre not in settings.centres:
        raise Failure(f"{centre} is none of the centres: {', '.join(settings.centres)} (set CENTRES).")
    return settings


def _all_rights(services: Iterable[Service], centres: Iterable[str]) -> Iterator[Right]:
    for service in services:
        yield from rights_of_service(service, centres)
    for centre in centres:
        yield from rights_of_centre(centre)


def _account_of(service: Service) -> tuple[str, str]:
    password = service.settings.kafka_password
    if password is None or password == installation().kafka_password:
        raise Failure(f"Set {service.name.upper()}_KAFKA_PASSWORD: each service has a password of its own.")
    return service.name, password.get_secret_value()


def _credential(user: str, password: str) -> Any:
    from confluent_kafka.admin import (  # noqa: PLC0415
        ScramCredentialInfo,
        ScramMechanism,
        UserScramCredentialUpsertion,
    )

    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    return UserScramCredentialUpsertion(user, info, password.encode())


def _grant(admin: Any, rights: Iterable[Right]) -> None:
    from confluent_kafka.admin import (  # noqa: PLC0415
        AclBinding,
        AclOperation,
        AclPermissionType,
        ResourcePatternType,
        ResourceType,
    )

    kinds = {Kind.TOPIC: ResourceType.TOPIC, Kind.GROUP: ResourceType.GROUP}
    actions = {Action.READ: AclOperation.READ, Action.WRITE: AclOperation.WRITE}
    literal, allow = ResourcePatternType.LITERAL, AclPermissionType.ALLOW
    _wait(
        admin.create_acls(
            [
                AclBinding(kinds[one.kind], one.name, literal, f"User:{one.account}", "*", actions[one.action], allow)
                for one in rights
            ]
        )
    )


def _wait(asked: Mapping[Any, "Future[Any]"]) -> None:
    from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415

    try:
        for future in asked.values():
            future.result(WITHIN)
    except (KafkaException, TimeoutError) as error:
        if isinstance(error, KafkaException) and error.args[0].code() != KafkaError._TIMED_OUT:
            raise Failure(f"The broker refused: {error.args[0].str()}") from None
        raise Failure(f"The broker does not answer: {RUNS} Else look at KAFKA_BOOTSTRAP_SERVERS.") from None
