"""The four services, as this process's environment or the geleit that runs here sets them up."""

import os
from collections.abc import Sequence

from chassis.service import Service
from geleit.settings import Settings
from geleit.state import addresses
from intake.app import service as intake
from intake.settings import Settings as IntakeSettings
from matching.app import service as matching
from matching.settings import Settings as MatchingSettings
from notifications.app import service as notifications
from notifications.settings import Settings as NotificationsSettings
from reporting.app import service as reporting
from reporting.settings import Settings as ReportingSettings


def all_services() -> Sequence[Service]:
    """In the order of the flow: intake, matching, notifications, reporting.

    Raises Failure if no addresses are given and none is running.
    """
    os.environ.update(addresses(Settings().state_dir))
    return (
        intake(IntakeSettings()),
        matching(MatchingSettings()),
        notifications(NotificationsSettings()),
        reporting(ReportingSettings()),
    )


def the_service(name: str) -> Service:
    """One of them. Raises KeyError."""
    return {service.name: service for service in all_services()}[name]
