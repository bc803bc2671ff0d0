"""Routes of every kind that a service has."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

import asyncpg
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from chassis.access import Permission, Principal
from chassis.web import (
    Paging,
    Problem,
    Site,
    Work,
    blank_form,
    csv_response,
    not_found,
    public,
    read_form,
    redirect,
    render,
    require,
)
from chassis.web.menu import Area, Link
from chassis.web.paging import Slice

router = APIRouter()
pages = APIRouter(include_in_schema=False)
SOMEBODY = "Iryna Kovalenko"


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")
    born: date
    kind: str = Field(pattern="^[a-z]+$")


class Household(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reference: str = Field(max_length=20)
    persons: list[Person] = Field(min_length=1, max_length=20)


class Answer(BaseModel):
    reason: str = Field(max_length=200)
    persons: int = Field(ge=1, le=20)


@dataclass(frozen=True, slots=True)
class Row:
    code: str
    place: str
    persons: int
    arrived: datetime
    status: str


ROWS = [
    Row("H-7Q2M", "Tübingen", 4, datetime(2022, 3, 14, 8, 12, tzinfo=UTC), "proposed"),
    Row("H-9XKD", "Reutlingen", 2, datetime(2022, 3, 14, 9, 40, tzinfo=UTC), "confirmed"),
    Row("H-2B7F", "Rottenburg am Neckar", 6, datetime(2022, 3, 15, 7, 5, tzinfo=UTC), "waiting"),
    Row("H-PL30", "Villingen-Schwenningen", 1, datetime(2022, 3, 15, 13, 31, tzinfo=UTC), "ended"),
]


@router.post("/v1/households", status_code=202)
async def submit(body: Household, who: Annotated[Principal, require(Permission.SUBMIT_HOUSEHOLDS)]) -> dict[str, int]:
    return {"persons": len(body.persons)}


@router.get("/v1/tenant", dependencies=[require(Permission.READ_HOUSEHOLDS)])
async def tenant(tx: Work) -> dict[str, str]:
    role = await tx.fetchval("select current_setting('geleit.role')")
    return {"role": role, "tenant": await tx.fetchval("select current_setting('geleit.tenant')")}


@router.post("/v1/notes", dependencies=[require(Permission.SUBMIT_HOUSEHOLDS)])
async def note(tx: Work, fail: bool = False) -> dict[str, int]:
    await tx.audit("note", "nobody")
    if fail:
        raise Problem(409, "stale", "Stale")
    return {"noted": 1}


@router.post("/v1/unlikely", dependencies=[require(Permission.SUBMIT_HOUSEHOLDS)])
async def breaks_at_commit(tx: Work) -> dict[str, int]:
    await tx.execute("create temporary table t (n integer primary key deferrable initially deferred)")
    await tx.execute("insert into t values (1), (1)")
    return {"noted": 1}


@router.get("/v1/rows", dependencies=[require(Permission.READ_HOUSEHOLDS)])
async def rows(page: Paging) -> dict[str, object]:
    after = page.after(str)
    left = sorted(row.code for row in ROWS if after is None or row.code > after[0])[: page.limit + 1]
    found = page.take(left, key=lambda code: (code,))
    return {"items": found.items, "next": found.next}


@router.get("/v1/rows.csv", dependencies=[require(Permission.READ_HOUSEHOLDS)])
async def export() -> Response:
    return csv_response("rows.csv", ["Code", "Ort"], [(row.code, row.place) for row in ROWS])


@router.get("/v1/rows/{code}", dependencies=[require(Permission.READ_HOUSEHOLDS)])
async def row(code: str) -> dict[str, str]:
    raise not_found()


@router.get("/v1/open", dependencies=[public])
async def open_to_all() -> dict[str, bool]:
    return {"open": True}


@router.get("/v1/away", dependencies=[public])
async def away() -> None:
    raise asyncpg.ConnectionDoesNotExistError("gone")


@router.get("/v1/fault", dependencies=[public])
async def fault() -> None:
    raise ZeroDivisionError(SOMEBODY)


@pages.get("/rows", dependencies=[require(Permission.READ_HOUSEHOLDS, Permission.READ_INBOX)])
async def list_page(request: Request, q: str = "") -> Response:
    found = Slice([row for row in ROWS if q.lower() in row.place.lower()], "abc", is_first=True)
    return render(request, "rows.html", partial="results", page=found, q=q)


@pages.get("/rows/one", dependencies=[require(Permission.READ_HOUSEHOLDS, Permission.READ_INBOX)])
async def one_page(request: Request) -> Response:
    return render(request, "row.html", row=ROWS[0], form=blank_form(Answer))


@pages.post("/rows/one", dependencies=[require(Permission.READ_HOUSEHOLDS, Permission.READ_INBOX)])
async def answer(request: Request) -> Response:
    form = await read_form(request, Answer)
    if form.value is None:
        return render(request, "row.html", status_code=422, row=ROWS[0], form=form)
    return redirect(request, "/rows", notice="Gespeichert.")


@pages.post("/rows/late", dependencies=[require(Permission.READ_INBOX)])
async def late(request: Request) -> Response:
    return redirect(request, "/rows", notice="Zu spät: nichts gespeichert.", kind="warning")


router.include_router(pages)


MENU = (
    Area(
        "Showcase",
        "/show",
        (
            Link("Households", "/rows", Permission.READ_INBOX, "Arrivals and what became of them."),
            Link("Inbox", "/rows/one", Permission.READ_INBOX, "Proposals that wait for an answer."),
            Link("Operations", "/parked", Permission.READ_OPERATIONS, "Records that could not be read."),
        ),
    ),
)


def site() -> Site:
    """The site as a service gives it."""
    return Site(
        title="Showcase",
        router=router,
        body_limits={"/v1/notes": 2_000_000},
    )
