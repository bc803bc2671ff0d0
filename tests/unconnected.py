"""The four services as they describe themselves, and all routes of the pages; no address in them is used."""

from collections.abc import Mapping

from fastapi import APIRouter

from chassis.service import Service
from chassis.web import pages
from geleit.services import services_with

SERVICES: Mapping[str, Service] = services_with(
    lambda kind, _: kind(database_url="postgresql://", kafka_bootstrap_servers="127.0.0.1:9092")
)
ROUTERS: Mapping[str, APIRouter] = {
    "": pages.router,
    **{service.prefix: service.web().router for service in SERVICES.values() if service.web is not None},
}
"""By prefix; the first belongs to no service."""
