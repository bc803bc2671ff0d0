"""The four services as they describe themselves; no address in them is used."""

from collections.abc import Mapping

from chassis.service import Service
from chassis.settings import Settings
from intake.app import service as intake
from intake.settings import Settings as IntakeSettings
from matching.app import service as matching
from notifications.app import service as notifications
from notifications.settings import Settings as NotificationsSettings
from reporting.app import service as reporting

_DATABASE, _KAFKA = "postgresql://", "127.0.0.1:9092"

SERVICES: Mapping[str, Service] = {
    one.name: one
    for one in (
        intake(IntakeSettings(database_url=_DATABASE, kafka_bootstrap_servers=_KAFKA)),
        matching(Settings(database_url=_DATABASE, kafka_bootstrap_servers=_KAFKA)),
        notifications(NotificationsSettings(database_url=_DATABASE, kafka_bootstrap_servers=_KAFKA)),
        reporting(Settings(database_url=_DATABASE, kafka_bootstrap_servers=_KAFKA)),
    )
}
