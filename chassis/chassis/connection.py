"""A connection to Kafka that the broker has closed, on uvloop: an error that aiokafka's clients go on after."""

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

_send = AIOKafkaConnection.send


def _told_when_closed(connection: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Any:
    """uvloop raises RuntimeError where asyncio's transport is silent or raises OSError, for which alone aiokafka looks.

    What it does not look for ends the task that keeps a client's metadata, for good: after a restart of the broker a
    consumer never found its group again, and was ready all the time (aio-libs/aiokafka, issue 1038).
    """
    try:
        return _send(connection, request, expect_response)
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError("the broker has closed the connection") from error


def mend() -> None:
    """Have every connection of this process say so."""
    AIOKafkaConnection.send = _told_when_closed
