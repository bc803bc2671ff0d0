"""Reporting, put together: it folds every state topic and never a submission."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chassis.consumer import Handler
from chassis.service import Service
from chassis.settings import Settings
from contracts import topics
from contracts.topics import Topic
from reporting import handlers

if TYPE_CHECKING:
    from chassis.web import Site

HANDLERS: Mapping[Topic, Handler] = {
    topics.HOUSEHOLDS: handlers.on_households,
    topics.ASSIGNMENTS: handlers.on_assignments,
    topics.RESPONSES: handlers.on_responses,
    topics.ROSTER: handlers.on_roster,
    topics.MUNICIPALITIES: handlers.on_municipalities,
    topics.POLICY: handlers.on_policy,
}


def service(settings: Settings) -> Service:
    """The service as one worker or web process runs it."""
    return Service(
        name="reporting",
        package="reporting",
        prefix="/reports",
        settings=settings,
        on=HANDLERS,
        gathers=0.5,
        web=_site,
    )


def _site() -> "Site":
    from reporting import web  # noqa: PLC0415 - a worker needs no pages, and importing them takes longer than its own part

    return web.create()
