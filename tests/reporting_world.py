"""What tests of the figures share: folding."""

from itertools import groupby

from builders import a_record
from chassis.database import Database
from contracts.record import State
from contracts.topics import topic_of
from reporting import app

HANDLERS = {topic.name: handler for topic, handler in app.HANDLERS.items()}


async def fold(database: Database, states: list[State]) -> None:
    """Apply the states in their order, as polls of one topic each."""
    for topic, batch in groupby(states, lambda state: topic_of(state).name):
        async with database.transaction() as tx:
            records = [a_record(state, offset=number, topic=topic) for number, state in enumerate(batch)]
            assert list(await HANDLERS[topic](records, tx)) == []
