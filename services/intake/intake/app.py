"""Intake, put together: submissions and forms in, households, verdicts and the register out."""

from functools import cache, partial

from chassis.service import Service
from contracts import topics
from intake import handlers, web
from intake.identity import Keys
from intake.settings import Settings


def service(settings: Settings) -> Service:
    """The service as one worker or web process runs it. Keys are read when they are first needed."""
    keys = cache(
        partial(Keys.load, settings.vault_master_key, settings.vault_master_key_file, settings.intake_private_key_file)
    )
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
        web=partial(web.create, keys),
        seed=handlers.first_dues,
    )
