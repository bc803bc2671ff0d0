"""The four services as they describe themselves; no address in them is used."""

from collections.abc import Mapping

from chassis.service import Service
from geleit.services import services_with

SERVICES: Mapping[str, Service] = services_with(
    lambda kind, _: kind(database_url="postgresql://", kafka_bootstrap_servers="127.0.0.1:9092")
)
