"""The menu of the whole installation: every page that navigation leads to, whichever process serves it.

A process knows only its own site, but whoever reads one of its pages wants to go on to the others; so the menu is
the platform's. A test holds it against the services' routes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.access import Permission
from chassis.web.translations import N_


@dataclass(frozen=True, slots=True)
class Link:
    """A link for who has the permission; `path` is below the site's prefix, `label` a msgid."""

    label: str
    path: str
    permission: Permission
    about: str = ""
    """One sentence (a msgid) that the overview shows under the link."""


@dataclass(frozen=True, slots=True)
class Area:
    """A service's part of the menu, or without a prefix what belongs to none; `title` is a msgid."""

    title: str
    prefix: str
    links: Sequence[Link]


def _parked(label: str) -> Link:
    return Link(
        label, "/parked", Permission.READ_OPERATIONS, N_("Records of the stream that could not be applied here.")
    )


def _trail(label: str) -> Link:
    return Link(
        label, "/trail", Permission.READ_AUDIT, N_("Who read names, chose, confirmed or changed something here.")
    )


MENU = (
    Area(
        N_("Reception"),
        "/intake",
        (
            Link(
                N_("Households"),
                "/",
                Permission.SUBMIT_HOUSEHOLDS,
                N_("All households of the centre, and what became of them."),
            ),
            Link(N_("Register a household"), "/new", Permission.SUBMIT_HOUSEHOLDS, N_("Enter an arrival by hand.")),
            Link(
                N_("Allotment"),
                "/allotment",
                Permission.ALLOT_HOUSEHOLDS,
                N_("Give households that have no municipality yet one, by population."),
            ),
            _parked(N_("Parked: reception")),
            _trail(N_("Trail: reception")),
        ),
    ),
    Area(
        N_("Matching"),
        "/matching",
        (
            Link(
                N_("Matching"),
                "/",
                Permission.READ_CASES,
                N_("Who is cared for, who waits and why, and what each district can still take."),
            ),
            Link(
                N_("Waiting list"),
                "/waiting",
                Permission.READ_WAITING,
                N_("Households without a manager, and the reason."),
            ),
            Link(N_("Roster"), "/roster", Permission.READ_ROSTER, N_("Integration managers, their load and absences.")),
            Link(
                N_("Handovers"),
                "/handovers",
                Permission.OVERRIDE_DECISIONS,
                N_("Plans by which cases change hands, and transfers that municipalities have asked for."),
            ),
            _parked(N_("Parked: matching")),
            _trail(N_("Trail: matching")),
        ),
    ),
    Area(
        N_("Inbox"),
        "/inbox",
        (
            Link(
                N_("Inbox"),
                "/",
                Permission.READ_INBOX,
                N_("Proposals to answer, and what became of earlier ones."),
            ),
            Link(
                N_("Messages"),
                "/messages",
                Permission.READ_OPERATIONS,
                N_("Mail that could not be sent, and who cannot be reached."),
            ),
            _parked(N_("Parked: inbox")),
            _trail(N_("Trail: inbox")),
        ),
    ),
    Area(
        N_("Figures"),
        "/reports",
        (
            Link(
                N_("Figures"),
                "/",
                Permission.READ_REPORTS,
                N_("Registrations, assignments, waiting and capacity by day and district."),
            ),
            _parked(N_("Parked: figures")),
            _trail(N_("Trail: figures")),
        ),
    ),
    Area(
        N_("Access"),
        "",
        (
            Link(
                N_("Trail: access"),
                "/trail",
                Permission.READ_AUDIT,
                N_("Who signed in and out, and what was done to accounts, passwords and keys."),
            ),
        ),
    ),
)
