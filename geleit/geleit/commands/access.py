"""Commands for who may do what: local accounts and API keys."""

import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from chassis.access.accounts import (
    NameTaken,
    create_account,
    disable_account,
    enable_account,
    list_accounts,
    set_password,
)
from chassis.access.keys import IssuedKey, TooManyKeys, issue_key, list_keys, revoke_key
from chassis.access.principal import STATE_WIDE, Role
from chassis.database import OWNER, Tx
from contracts import ags
from geleit.commands import store
from geleit.failures import Failure
from geleit.services import installation, the_service, transact
from intake.districts import districts

T = TypeVar("T")

account = typer.Typer(no_args_is_help=True, help="Local accounts of people.")
key = typer.Typer(no_args_is_help=True, help="API keys of machines.")
_AGS = re.compile(ags.MUNICIPALITY)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# As whoever signs in is understood.
AccountName = Annotated[str, typer.Argument(help="the name to sign in with", callback=lambda name: name.strip())]
RoleOption = Annotated[Role, typer.Option(help="what it may do")]
Tenant = Annotated[
    str, typer.Option(help="whose rows: a centre's code, an AGS of 8 or 5 digits, a manager's id, or 08 for the state")
]

OfRole = Annotated[Role | None, typer.Option("--role", help="only of this role")]
OfTenant = Annotated[str | None, typer.Option("--tenant", help="only of this tenant")]


@account.command("create")
def account_create(name: AccountName, role: RoleOption, tenant: Tenant) -> None:
    """Make an account; its password is shown once."""
    _require_tenant(role, tenant)
    password = secrets.token_urlsafe(12)

    async def create(tx: Tx) -> None:
        await create_account(tx, name=name, password=password, role=role, tenant=tenant)
        await _warn_of_unknown(tx, role, tenant)

    try:
        _do(create)
    except NameTaken:
        raise Failure(
            "An account of this name exists: `geleit account password NAME` gives it a new password."
        ) from None
    typer.echo(f"{name}: {password}")


@account.command("password")
def account_password(name: AccountName) -> None:
    """Give an account a new password, shown once; its sessions end."""
    password = secrets.token_urlsafe(12)
    if not _do(lambda tx: set_password(tx, name=name, password=password)):
        raise Failure("There is no account of this name, or it is disabled: `geleit account enable NAME` comes first.")
    typer.echo(f"{name}: {password}")


@account.command("disable")
def account_disable(name: AccountName) -> None:
    """End an account's sessions and let nobody sign in to it again."""
    if not _do(lambda tx: disable_account(tx, name=name)):
        raise Failure("There is no account of this name, or it is disabled already.")
    typer.echo(f"{name} disabled")


@account.command("enable")
def account_enable(name: AccountName) -> None:
    """Let people sign in to a disabled account again, with the password it had."""
    if not _do(lambda tx: enable_account(tx, name=name)):
        raise Failure("There is no account of this name that is disabled.")
    typer.echo(f"{name} enabled")


@account.command("list")
def account_list(role: OfRole = None, tenant: OfTenant = None) -> None:
    """Show accounts, by the id that the trail has of who did something: two lines each."""
    accounts = _do(lambda tx: list_accounts(tx, role=role, tenant=tenant))
    for one in accounts:
        state = f"disabled {_day(one.disabled_at)}" if one.disabled_at else f"since {_day(one.created_at)}"
        typer.echo(f"{one.id}  {one.role} {one.tenant}")
        typer.echo(f"    {one.name}  {state}")
    if not accounts:
        typer.echo("no account")


@key.command("issue")
def key_issue(
    role: RoleOption,
    tenant: Tenant,
    label: Annotated[str, typer.Option(help="what uses it")],
    days: Annotated[int, typer.Option(min=1, max=730, help="how long it is valid")] = 365,
) -> None:
    """Issue an API key, shown once; two of one scope may be valid, so that one can follow the other."""
    _require_tenant(role, tenant)

    lifetime = timedelta(days=days)

    async def issue(tx: Tx) -> tuple[IssuedKey, datetime]:
        await _warn_of_unknown(tx, role, tenant)
        return await issue_key(tx, role=role, tenant=tenant, label=label, lifetime=lifetime), tx.now + lifetime

    try:
        issued, end = _do(issue)
    except TooManyKeys:
        raise Failure(
            f"Two keys of {role} {tenant} are valid: revoke one first"
            f" (`geleit key list --role {role} --tenant {tenant}` shows their ids)."
        ) from None
    typer.echo(f"{issued.id}: {issued.secret}")
    typer.echo(f"It is valid until {_day(end)}: issue the next one before that.", err=True)


@key.command("list")
def key_list(role: OfRole = None, tenant: OfTenant = None) -> None:
    """Show keys, never their secrets: two lines each."""
    keys = _do(lambda tx: list_keys(tx, role=role, tenant=tenant))
    for one in keys:
        # Lines and no table: it would cut the ids off or spread over the screen.
        typer.echo(f"{one.id}  {one.role} {one.tenant}  {one.label}")
        ends = f"revoked {_day(one.revoked_at)}" if one.revoked_at else f"until {_day(one.expires_at)}"
        typer.echo(f"    {one.prefix}…  {ends}, " + (f"used {_day(one.used_at)}" if one.used_at else "never used"))
    if not keys:
        typer.echo("no key")


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


@key.command("revoke")
def key_revoke(key_id: Annotated[UUID, typer.Argument(metavar="ID", help="the id that list shows")]) -> None:
    """End a key at once."""
    if not _do(lambda tx: revoke_key(tx, key_id)):
        raise Failure("There is no such key, or it has ended already.")
    typer.echo(f"{key_id} revoked")


def _require_tenant(role: Role, tenant: str) -> None:
    """Raises Failure if nobody of this role is called so: whoever came in would see nothing, or too much."""
    match role:
        case Role.CENTRE:
            known = installation().centres
            fits, wanted = tenant in known, f"one of {', '.join(known)} (set CENTRES)"
        case Role.MUNICIPALITY:
            fits, wanted = bool(_AGS.fullmatch(tenant)), "an AGS: 8 digits that begin with 08"
        case Role.DISTRICT:
            fits, wanted = tenant in districts(), "the AGS of a district, 5 digits"
        case Role.MANAGER:
            fits, wanted = bool(_ID.fullmatch(tenant)), "the manager's id, as her page shows it in its address"
        case Role.STATE | Role.OPERATOR | Role.AUDITOR:
            fits, wanted = tenant == STATE_WIDE, STATE_WIDE
    if not fits:
        raise Failure(f"The tenant of a {role} is {wanted}.")


async def _warn_of_unknown(tx: Tx, role: Role, tenant: str) -> None:
    """Accounts may be made before the register and the roster are there; but whoever is mistyped sees nothing."""
    if not await store.is_known(tx, role, tenant):
        typer.echo(f"warning: no {role} of this tenant is known yet, so nothing will be seen", err=True)


def _do(work: Callable[[Tx], Awaitable[T]]) -> T:
    """As the database's owner, who alone makes accounts and keys."""
    return transact(the_service("intake"), work, OWNER)
