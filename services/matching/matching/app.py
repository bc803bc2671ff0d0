"""Matching, put together: it decides who cares for whom, and why."""

from collections.abc import Mapping
from functools import cache, partial

from chassis.consumer import Handler
from chassis.service import Service
from chassis.timers import DueHandler
from chassis.vault import Vault, master_key
from contracts import topics
from contracts.topics import Topic
from matching import handlers, web
from matching.policy import ensure_policy
from matching.settings import Settings

HANDLERS: Mapping[Topic, Handler] = {
    topics.MUNICIPALITIES: handlers.on_municipalities,
    topics.HOUSEHOLDS: handlers.on_households,
    topics.RESPONSES: handlers.on_responses,
}
DUES: Mapping[str, DueHandler] = {
    "serve": handlers.on_serve,
    "absence": handlers.on_absence,
    "recheck": handlers.on_recheck,
    "policy": handlers.on_policy,
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
        web=partial(web.create, vault),
        seed=ensure_policy,
    )
