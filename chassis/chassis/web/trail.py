"""The audit trail of a service, for an auditor: who read a name, chose, confirmed or changed something, and when."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from chassis import trail
from chassis.access import Permission
from chassis.web.guard import require
from chassis.web.pages import ROLES
from chassis.web.paging import NO_NUL, Paging
from chassis.web.render import render
from chassis.web.surroundings import menu_label
from chassis.web.translations import N_
from chassis.web.work import Work

router = APIRouter(include_in_schema=False)

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
}
"""What the actions of all services are called: as the menu, the platform's."""


@router.get("/trail", dependencies=[require(Permission.READ_AUDIT)])
async def listed(request: Request, tx: Work, paging: Paging, subject: Word = None, actor: Word = None) -> Response:
    """The newest first, of one household or one person if that is asked."""
    of, by = (subject or "").strip() or None, (actor or "").strip() or None
    (before,) = paging.after(int) or (None,)
    rows = await trail.listed(tx, before=before, subject=of, actor=by, limit=paging.limit + 1)
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
        done=DONE,
        roles=ROLES,
    )
