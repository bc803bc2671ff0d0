"""What a geleit needs before the first arrival: register, roster, contact points, accounts, keys."""

import json
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from chassis.access.accounts import NameTaken, create_account
from chassis.access.keys import TooManyKeys, issue_key, list_keys, revoke_key
from chassis.access.principal import STATE_WIDE, Role
from chassis.database import Tx
from geleit.demo import diary, store
from geleit.demo.doors import Doors
from geleit.demo.households import Town
from geleit.demo.roster import roster_csv
from geleit.failures import Failure
from geleit.probe import until
from geleit.processes import write_atomically
from intake.generate import generate
from intake.municipalities import import_register
from intake.register import RegisterUnreadable, read
from matching.policy import shipped
from matching.roster.file import import_roster
from notifications.contacts import import_contacts

KEYS = "demo-keys.json"
LABEL = "demo"
KNOWN_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Account:
    """A new account; its password is shown once."""

    name: str
    password: str
    role: Role
    tenant: str


@dataclass(slots=True)
class Keyring:
    """The demo's API keys by tenant, in a file that only its owner reads."""

    file: Path
    keys: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, state_dir: Path) -> "Keyring":
        """The keys of earlier runs."""
        file = state_dir / KEYS
        return cls(file, json.loads(file.read_text("utf-8")) if file.exists() else {})

    async def issue(self, doors: Doors, role: Role, tenants: Iterable[str]) -> None:
        """Make a key for each tenant that has none."""
        if missing := [tenant for tenant in tenants if tenant not in self.keys]:
            async with doors.owner.transaction() as tx:
                self.keys |= {tenant: await _issued(tx, role, tenant) for tenant in missing}
            write_atomically(self.file, json.dumps(self.keys, indent=2))


async def claim(doors: Doors, state_dir: Path) -> None:
    """Make an empty installation a demo's. Raises Failure where something is that no demo has made."""
    async with doors["intake"].transaction() as tx:
        installation = tx.started
        if diary.has_begun(state_dir, installation):
            return
        found = {"households": await store.households(tx)}
    async with doors["notifications"].transaction() as tx:
        found["contact points"] = await store.contact_points(tx)
    async with doors["matching"].transaction() as tx:
        found["managers"] = await store.managers(tx)
    if there := ", ".join(f"{what}: {number}" for what, number in found.items() if number):
        raise Failure(
            f"This installation is in use and no demo's ({there}): a demo would write over it. Give it another"
            " GELEIT_STATE_DIR, and no DATABASE_URL and KAFKA_BOOTSTRAP_SERVERS, or those of empty servers."
        )
    # Of an earlier database, perhaps: no key opens another one.
    (state_dir / KEYS).unlink(missing_ok=True)
    # Before anything is written: who is interrupted at it goes on.
    diary.begin(state_dir, installation)


async def fill_register(doors: Doors, file: Path | None) -> list[Town]:
    """Import the register from `file`, or generate one where there is none; all municipalities. Raises Failure."""
    async with doors["intake"].transaction() as tx:
        if file is not None:
            try:
                await import_register(tx, read(file))
            except (RegisterUnreadable, OSError) as error:
                raise Failure(f"REGISTER={file} cannot be imported: {error}") from None
        elif not await store.towns(tx):
            await import_register(tx, generate())
    async with doors["intake"].transaction() as tx:
        return await store.towns(tx)


async def fill_roster(doors: Doors, towns: Collection[Town]) -> int:
    """Import a generated roster where there is none, as soon as matching knows the municipalities; how many posts."""

    async def is_known() -> bool:
        async with doors["matching"].transaction() as tx:
            return await store.known_towns(tx) >= len(towns)

    await until(is_known, within=KNOWN_WITHIN, what="matching's copy of the register")
    async with doors["matching"].transaction() as tx:
        if not (held := await store.managers(tx)):
            data = roster_csv(list(towns), shipped().units_per_fte)
            report = await import_roster(tx, doors.services["matching"].vault(), data)
            held = report.added
    return held


async def fill_contacts(doors: Doors, towns: Collection[Town]) -> None:
    """Give every municipality an address that reaches nobody."""
    lines = ["ags;address", *(f"{town.ags};integration@{town.ags}.gemeinde.example" for town in towns)]
    async with doors["notifications"].transaction() as tx:
        await import_contacts(tx, lines)


async def make_accounts(doors: Doors, towns: Collection[Town]) -> list[Account]:
    """One account for each role, where there is none; those that are new."""
    largest = max(towns, key=lambda town: town.population).ags
    async with doors["matching"].transaction() as tx:
        manager = await store.manager_in(tx, largest)
    tenants = {
        Role.CENTRE: doors.centres[0],
        Role.MUNICIPALITY: largest,
        Role.MANAGER: manager or "",
        Role.DISTRICT: largest[:5],
        Role.STATE: STATE_WIDE,
        Role.OPERATOR: STATE_WIDE,
        Role.AUDITOR: STATE_WIDE,
    }
    made: list[Account] = []
    for role, tenant in tenants.items():
        account = Account(str(role), secrets.token_urlsafe(12), role, tenant)
        try:
            async with doors.owner.transaction() as tx:
                await create_account(tx, name=account.name, password=account.password, role=role, tenant=tenant)
        except NameTaken:
            continue
        made.append(account)
    return made


async def _issued(tx: Tx, role: Role, tenant: str) -> str:
    try:
        return (await issue_key(tx, role=role, tenant=tenant, label=LABEL)).secret
    except TooManyKeys:
        # The demo's own, whose secrets are lost with the file that held them.
        for one in await list_keys(tx, role=role, tenant=tenant):
            if one.label == LABEL and one.revoked_at is None:
                await revoke_key(tx, one.id)
        return (await issue_key(tx, role=role, tenant=tenant, label=LABEL)).secret
