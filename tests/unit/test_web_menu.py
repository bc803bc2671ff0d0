"""The menu leads to pages that are there, and asks for the right that each page asks for."""

from collections.abc import Iterator

import pytest
from fastapi.routing import iter_route_contexts

from chassis.access import Permission
from chassis.web.guard import Requirement
from chassis.web.menu import MENU, Area, Link
from unconnected import ROUTERS


def permissions(prefix: str, path: str) -> Iterator[frozenset[Permission]]:
    for context in iter_route_contexts(ROUTERS[prefix].routes):
        if context.path == path and "GET" in (context.methods or ()):
            calls = [one.call for one in context.dependant.dependencies]
            yield from (call.any_of for call in calls if isinstance(call, Requirement))


@pytest.mark.parametrize(("area", "link"), [(area, link) for area in MENU for link in area.links])
def test_a_link_leads_to_a_page_that_takes_whoever_sees_it(area: Area, link: Link) -> None:
    found = list(permissions(area.prefix, link.path))
    assert found
    assert all(link.permission in any_of for any_of in found)


def test_every_service_and_what_belongs_to_none_is_in_the_menu() -> None:
    assert {area.prefix for area in MENU} == set(ROUTERS)
