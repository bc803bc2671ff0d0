"""Matching, put together: it decides who cares for whom, and why."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

from chassis.consumer import Handler
from chassis.service import Service
from chassis.settings import Settings
from chassis.timers import DueHandler
from chassis.vault import Vault, master_key
from contracts import topics
from contracts.topics import Topic
from matching import authority, handlers
from matching.policy import ensure_policy
from matching.roster.change import on_post
from matching.telemetry import measure_waiting

if TYPE_CHECKING:
    from chassis.web import Site

HANDLERS: Mapping[Topic, Handler] = {
    topics.MUNICIPALITIES: handlers.on_municipalities,
    topics.HOUSEHOLDS: handlers.on_households,
    topics.RESPONSES: handlers.on_responses,
}
DUES: Mapping[str, DueHandler] = {
    "serve": handlers.on_serve,
    "absence": handlers.on_absence,
    "post": on_post,
    "again": handlers.on_again,
    "ageing": handlers.on_ageing,
    "recheck": handlers.on_recheck,
    "week": handlers.on_week,
    "policy": handlers.on_policy,
    "handover": handlers.on_handover,
}


def service(settings: Settings) -> Service:
    """The service as one worker or web process runs it. The master key is read when a name is first needed."""
    vault = cache(lambda: Vault(master_key(settings.vault_master_key, settings.vault_master_key_file)))
    return Service(
        name="matching",
        package="matching",
        prefix="/matching",
        settings=settings,
        on=HANDLERS,
        on_due=DUES,
        measures=(measure_waiting,),
        web=partial(_site, vault),
        seed=ensure_policy,
        writes={
            topics.ROSTER: authority.ROSTER,
            topics.POLICY: authority.POLICY,
            topics.ASSIGNMENTS: authority.ASSIGNMENTS,
        },
    )


def _site(vault: Callable[[], Vault]) -> "Site":
    from matching import web  # noqa: PLC0415 - a worker needs no pages, and importing them takes longer than its own part

    return web.create(vault)
