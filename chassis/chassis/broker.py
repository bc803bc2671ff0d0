"""Where Kafka is and how a client of it signs in."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from chassis import connection, unpacking

if TYPE_CHECKING:
    from chassis.settings import Settings

connection.mend()
unpacking.bound()

MECHANISMS: Mapping[str, Callable[..., BaseSecurity]] = {
    "SCRAM-SHA-512": SASLScram512,
    "SCRAM-SHA-256": SASLScram256,
    "PLAIN": SASLPlaintext,
}


@dataclass(frozen=True, slots=True)
class Broker:
    """Bootstrap servers (host:port, separated by commas) and the security that they ask for, None for none."""

    servers: str
    security: BaseSecurity | None = None

    @classmethod
    def of(cls, settings: "Settings") -> "Broker":
        """The broker that a process's settings name. Raises OSError if the file of the CA cannot be read."""
        context = ssl.create_default_context(cafile=settings.kafka_ca_file) if settings.kafka_tls else None
        if settings.kafka_username is None or settings.kafka_password is None:
            return cls(settings.kafka_bootstrap_servers, BaseSecurity(context) if context else None)
        secret = settings.kafka_password.get_secret_value()
        mechanism = MECHANISMS[settings.kafka_mechanism]
        return cls(
            settings.kafka_bootstrap_servers,
            mechanism(username=settings.kafka_username, password=secret, ssl_context=context),
        )

    @property
    def client(self) -> dict[str, Any]:
        """Keyword arguments of every aiokafka client."""
        return {"bootstrap_servers": self.servers, **parse_security(self.security)}
