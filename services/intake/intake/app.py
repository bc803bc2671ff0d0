"""Intake, put together: submissions and forms in, households, verdicts and the register out."""

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from chassis.service import Service
from contracts import topics
from intake import authority, handlers
from intake.identity import Keys
from intake.settings import Settings

if TYPE_CHECKING:
    from chassis.web import Site


def service(settings: Settings) -> Service:
    """The service as one worker or web process runs it. Keys are read when they are first needed."""
    keys = cache(partial(Keys.load, settings))
    on_submissions = handlers.on_submissions(keys)
    return Service(
        name="intake",
        package="intake",
        prefix="/intake",
        settings=settings,
        on={
            **{topics.submissions(centre): on_submissions for centre in settings.centres},
            topics.ASSIGNMENTS: handlers.on_assignments,
        },
        on_due={handlers.STALE_KEYS: handlers.on_stale_keys},
        web=partial(_site, keys),
        seed=handlers.first_dues,
        gathers=0.2,
        writes={topics.HOUSEHOLDS: authority.HOUSEHOLDS, topics.MUNICIPALITIES: authority.MUNICIPALITIES},
    )


def _site(keys: Callable[[], Keys]) -> "Site":
    from intake import web  # noqa: PLC0415 - a worker needs no pages, and importing them takes longer than its own part

    return web.create(keys)
