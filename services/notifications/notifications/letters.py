"""The mails: German and English, with a link and no word about who or what it is about."""

from dataclasses import dataclass
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

Kind = Literal["proposal", "reminder", "escalation"]

_TEXTS: dict[Kind, tuple[str, str]] = {
    "proposal": (
        "Geleit: Neuer Zuordnungsvorschlag / new assignment proposal",
        """Guten Tag,

im Posteingang Ihrer Gemeinde liegt ein neuer Zuordnungsvorschlag für das Integrationsmanagement.
Bitte melden Sie sich an, um ihn anzunehmen oder mit Grund abzulehnen:

{link}

Aus Gründen des Datenschutzes enthält diese Nachricht keine weiteren Angaben.

---

Hello,

there is a new assignment proposal for integration management in your municipality's inbox.
Please sign in to accept it, or to decline it with a reason:

{link}

For reasons of privacy this message holds no further details.
""",
    ),
    "reminder": (
        "Geleit: Erinnerung an einen offenen Vorschlag / reminder of an open proposal",
        """Guten Tag,

ein Zuordnungsvorschlag im Posteingang Ihrer Gemeinde ist noch nicht beantwortet; die Frist ist abgelaufen.
Bitte melden Sie sich an, um ihn anzunehmen oder mit Grund abzulehnen:

{link}

---

Hello,

an assignment proposal in your municipality's inbox has not been answered yet, and the time for it is over.
Please sign in to accept it, or to decline it with a reason:

{link}
""",
    ),
    "escalation": (
        "Geleit: Unbeantworteter Vorschlag in Ihrem Kreis / unanswered proposal in your district",
        """Guten Tag,

eine Gemeinde Ihres Kreises hat einen Zuordnungsvorschlag auch in der doppelten Frist noch nicht beantwortet.
Bitte klären Sie das mit der Gemeinde oder entscheiden Sie anders:

{link}

---

Hello,

a municipality of your district has still not answered an assignment proposal, in twice the time it had for it.
Please settle it with the municipality, or decide otherwise:

{link}
""",
    ),
}
_PAGES: dict[Kind, str] = {"proposal": "inbox", "reminder": "inbox", "escalation": "matching"}
"""Where who is told can do something about it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """Subject and plain text of a mail."""

    subject: str
    text: str


def letter(kind: Kind, household: UUID, public_url: str) -> Letter:
    """The mail of a kind; its link names the household by id, and only who may see it can open it."""
    subject, text = _TEXTS[kind]
    return Letter(subject, text.format(link=f"{public_url.rstrip('/')}/{_PAGES[kind]}/households/{household}"))


def message_id(household: UUID, item: int, kind: Kind, address: str) -> UUID:
    """The id of a message, the same for the same message: it is made once, and a double sending shows."""
    return uuid5(NAMESPACE_URL, f"geleit.message/{household}/{item}/{kind}/{address}")
