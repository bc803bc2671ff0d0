"""Which pages there are, by the services' own routes: a new one is looked at without a word here."""

from collections.abc import Iterator
from dataclasses import dataclass
from re import Pattern
from urllib.parse import parse_qs, urlsplit

from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

from chassis.access import Permission, Role, permissions_of
from chassis.web.guard import Requirement
from unconnected import ROUTERS

OVERVIEW = "/"
PASSWORD = "/password"


@dataclass(frozen=True)
class Route:
    """What answers GET; `any_of` are the permissions of whom it lets in."""

    template: str
    pattern: Pattern[str]
    is_page: bool
    any_of: frozenset[Permission]


def _all() -> Iterator[Route]:
    for prefix, router in ROUTERS.items():
        for context in iter_route_contexts(router.routes):
            if "GET" in (context.methods or ()):
                template = prefix + str(context.path)
                calls = [one.call for one in context.dependant.dependencies]
                any_of = frozenset().union(*(one.any_of for one in calls if isinstance(one, Requirement)))
                is_page = not (getattr(context.route, "include_in_schema", True) or template.endswith(".csv"))
                yield Route(template, compile_path(template)[0], is_page, any_of)


ROUTES = tuple(_all())


def pages_of(role: Role) -> set[str]:
    """The templates of all pages that let this role in."""
    return {OVERVIEW, PASSWORD, *(one.template for one in ROUTES if one.is_page and one.any_of & permissions_of(role))}


def route_of(url: str) -> tuple[str, bool]:
    """What tells a page from others of its kind, which all look alike; and whether it is one."""
    asked = urlsplit(url)
    found = next((one for one in ROUTES if one.pattern.fullmatch(asked.path)), None)
    if found is None:
        return asked.path, True
    # An answer is asked for on a page of its own.
    return " ".join([found.template, *parse_qs(asked.query).get("ask", ())]), found.is_page
