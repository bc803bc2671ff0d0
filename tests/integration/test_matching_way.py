"""A household's way through matching, on a real database: handlers are called as the consumer calls them."""

from typing import Any

from builders import a_household, a_municipality, a_record
from chassis.database import Database
from chassis.vault import Vault
from contracts.record import State
from contracts.vocabulary import CareReason, CareStatus
from matching import handlers
from matching.policy import ensure_policy
from matching.roster.change import import_roster

VAULT = Vault(bytes(32))


async def test_first(database: Any) -> None:
    db: Database = await database("matching")
    async with db.transaction() as tx:
        await tx.publish(await ensure_policy(tx))
    async with db.transaction() as tx:
        await handlers.on_municipalities([a_record(a_municipality())], tx)
    async with db.transaction() as tx:
        report = await import_roster(
            tx, VAULT, b"code;name;provider;fte;service_area;languages\nA;Anna;LRA;0,75;08416041;de uk\n"
        )
    assert report.added == 1, report
    async with db.transaction() as tx:
        states = await handlers.on_households([a_record(a_household())], tx)
        await tx.publish(states)
    assert [(one.status, one.reason) for one in states] == [(CareStatus.PROPOSED, CareReason.MATCHED)]
