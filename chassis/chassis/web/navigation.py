"""The navigation: what of the menu a principal may open, and where in it a page is."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from chassis.access import Principal, permissions_of
from chassis.web.surroundings import surroundings


@dataclass(frozen=True, slots=True)
class Entry:
    """One link; `label` and `about` are msgids."""

    label: str
    about: str
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A site and the links in it; `title` is a msgid."""

    title: str
    entries: Sequence[Entry]


def navigation_of(request: Request, principal: Principal | None) -> Sequence[Section]:
    """Sections with at least one link that the principal may follow."""
    if principal is None:
        return []
    allowed = permissions_of(principal.role)
    sections = [
        (area.title, [(area.prefix + link.path, link) for link in area.links]) for area in surroundings(request).menu
    ]
    open_to = [
        (title, [(href, link) for href, link in links if link.permission in allowed]) for title, links in sections
    ]
    path = request.url.path
    # The longest match is the page one is on: /matching/roster/import is under the roster, not under /matching.
    under = [href for _, links in open_to for href, _ in links if _is_under(path, href)]
    here = max(under, key=len, default=None)
    return [
        Section(title, [Entry(link.label, link.about, href, href == here) for href, link in links])
        for title, links in open_to
        if links
    ]


def _is_under(path: str, href: str) -> bool:
    return path.rstrip("/") == href.rstrip("/") or path.startswith(href.rstrip("/") + "/")
