"""The audit trail of a service, and that of access, for an auditor: who did what, and when."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from chassis import trail
from chassis.access import Permission
from chassis.web.guard import require
from chassis.web.paging import NO_NUL, Paging
from chassis.web.render import render
from chassis.web.surroundings import menu_label
from chassis.web.translations import N_
from chassis.web.work import Work

Word = Annotated[str | None, Query(max_length=200, pattern=NO_NUL)]

DONE = {
    "household.accepted": N_("Household registered"),
    "household.corrected": N_("Household corrected"),
    "household.withdrawn": N_("Household withdrawn"),
    "household.departed": N_("Departure of a household noted"),
    "household.allotted": N_("Household allotted"),
    "household.erased": N_("Household erased"),
    "register_file": N_("Households registered from a file"),
    "identity.read": N_("Names read"),
    "register.imported": N_("Register imported"),
    "import_roster": N_("Roster imported"),
    "change_manager": N_("Manager changed"),
    "add_absence": N_("Absence noted"),
    "end_absence": N_("Absence ended"),
    "override": N_("Manager chosen by a person"),
    "keep_apart": N_("Manager and household kept apart"),
    "plan_handover": N_("Handover planned"),
    "confirm_handover": N_("Handover confirmed"),
    "discard_handover": N_("Handover discarded"),
    "hand_over": N_("Case handed over"),
    "enact": N_("Policy enacted"),
    "answer": N_("Answer given"),
    "import_contacts": N_("Contact points imported"),
    "retry_message": N_("Mail tried again"),
    "parked.retry": N_("Parked records applied again"),
    "parked.applied": N_("Parked record applied"),
    "parked.discarded": N_("Parked record discarded"),
    "parked.expired": N_("Parked record expired"),
    "sign_in": N_("Signed in"),
    "sign_in.locked": N_("Name locked after failures"),
    "sign_out": N_("Signed out"),
    "account.created": N_("Account created"),
    "account.password_changed": N_("Password changed"),
    "account.disabled": N_("Account disabled"),
    "account.enabled": N_("Account enabled"),
    "key.issued": N_("Key issued"),
    "key.revoked": N_("Key revoked"),
}
"""What the actions of all services and of access are called: as the menu, the platform's."""


def _page_of(source: trail.Of, about: str) -> APIRouter:
    """The page of these entries; `about` is a msgid."""
    router = APIRouter(include_in_schema=False)

    @router.get("/trail", dependencies=[require(Permission.READ_AUDIT)])
    async def listed(request: Request, tx: Work, paging: Paging, subject: Word = None, actor: Word = None) -> Response:
        """The newest first, of one household or one person if that is asked."""
        of, by = (subject or "").strip() or None, (actor or "").strip() or None
        (before,) = paging.after(int) or (None,)
        rows = await trail.listed(tx, source, before=before, subject=of, actor=by, limit=paging.limit + 1)
        page = paging.take(rows, key=lambda one: (one.id,))
        return render(
            request,
            "trail.html",
            partial="found",
            page=page,
            subject=of,
            actor=by,
            asked={name: value for name, value in (("subject", of), ("actor", by)) if value},
            label=menu_label(request, "/trail"),
            about=about,
            done=DONE,
        )

    return router


router = _page_of(
    "service",
    N_(
        "Who read names, chose, confirmed or changed something here."
        " Each entry was written together with what it tells."
    ),
)
of_access = _page_of(
    "access",
    N_(
        "Who signed in and out, and what was done to accounts, passwords and keys."
        " Signing in and out is forgotten after 180 days."
    ),
)
