"""Notifications, put together."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chassis.consumer import Handler
from chassis.service import Service
from contracts import topics
from contracts.topics import Topic
from notifications import authority, deliver, handlers, store, telemetry
from notifications.settings import Settings

if TYPE_CHECKING:
    from chassis.web import Site

HANDLERS: Mapping[Topic, Handler] = {
    topics.MUNICIPALITIES: handlers.on_municipalities,
    topics.ROSTER: handlers.on_roster,
    topics.POLICY: handlers.on_policy,
    topics.ASSIGNMENTS: handlers.on_assignments,
}


def service(settings: Settings) -> Service:
    """The service as one worker or web process runs it."""
    return Service(
        name="notifications",
        package="notifications",
        prefix="/inbox",
        settings=settings,
        on=HANDLERS,
        on_due={handlers.REMIND: handlers.on_reminder_due, handlers.ESCALATE: handlers.on_escalation_due},
        errands=(deliver.errand(settings),),
        measures=(telemetry.measure_given_up, telemetry.measure_overdue),
        web=_site,
        writes={topics.RESPONSES: authority.RESPONSES},
        come_back=store.change_again,
    )


def _site() -> "Site":
    from notifications import web  # noqa: PLC0415 - a worker needs no pages, and importing them takes longer than its own part

    return web.create()
