"""A worker as a whole: what nobody foresaw ends it, whatever its parts are doing."""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from chassis.database import RestoreUnfinished, Tx
from chassis.errands import Errand
from chassis.health import Health
from chassis.service import PartEnded, Service, open_database, work
from chassis.settings import Settings
from chassis.timers import Timers

NOBODY = "127.0.0.1:1"


async def test_nobody_works_on_a_backup_before_the_broker_has_been_told(
    database_url: str, services_password: str | None
) -> None:
    service = a_service(database_url, services_password)
    owner = await asyncpg.connect(database_url)
    await owner.execute("update probe.started set at = 'infinity'")
    await owner.close()
    with pytest.raises(RestoreUnfinished):
        await open_database(service, "worker")
    await (await open_database(service, "worker", restoring=True)).close()


class Unforeseen(Exception):
    """No part of a worker expects it."""


def a_service(database_url: str, password: str | None, *errands: Errand) -> Service:
    settings = Settings(
        database_url=database_url,
        database_password=password,
        kafka_bootstrap_servers=NOBODY,
        vault_master_key=b64encode(bytes(32)).decode(),
    )
    return Service("probe", "probe", "/probe", settings, errands=errands)


async def returns(_: Timers, __: asyncio.Event) -> None:
    """A part that has forgotten to go on."""


async def lets_a_cancellation_out(_: Timers, __: asyncio.Event) -> None:
    """What libraries do with the cancellation of a task of their own."""
    raise asyncio.CancelledError


@pytest.mark.parametrize("run", [returns, lets_a_cancellation_out])
async def test_a_part_that_ends_by_itself_ends_the_worker(
    database_url: str, services_password: str | None, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    monkeypatch.setattr(Timers, "run", run)
    with pytest.raises(ExceptionGroup) as raised:
        await asyncio.wait_for(work(a_service(database_url, services_password), asyncio.Event(), Health()), 30)
    assert raised.group_contains(PartEnded)


async def test_a_fault_in_one_part_ends_the_worker_even_if_another_loses_its_cancellation(
    database_url: str, services_password: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    claiming, stop = asyncio.Event(), asyncio.Event()

    async def claim(_: Tx) -> Sequence[Any]:
        claiming.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return ()
        raise AssertionError

    async def perform(_: Any) -> None:
        raise AssertionError

    async def settle(_: Tx, __: Any, ___: Any) -> Sequence[Any]:
        raise AssertionError

    async def run(_: Timers, __: asyncio.Event) -> None:
        await claiming.wait()
        raise Unforeseen

    monkeypatch.setattr(Timers, "run", run)
    service = a_service(database_url, services_password, Errand("deaf", claim, perform, settle))
    with pytest.raises(ExceptionGroup) as raised:
        await asyncio.wait_for(work(service, stop, Health()), 30)
    assert raised.group_contains(Unforeseen)
    assert stop.is_set()
