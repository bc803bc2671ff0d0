"""A route that declares no permission does not start."""

from typing import Annotated

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chassis.access import Permission, Principal, Role, permissions_of
from chassis.web import UndeclaredRoute, public, require, signed_in
from showcase.client import showcase_app


async def nothing() -> None: ...


async def with_principal(who: Annotated[Principal, require(Permission.READ_CASES)]) -> None: ...


async def plain(_: Request) -> Response:
    return Response()


def test_every_route_of_the_showcase_is_declared() -> None:
    showcase_app()


@pytest.mark.parametrize("methods", [["GET"], ["POST"], ["DELETE"]])
def test_an_undeclared_route_does_not_start(methods: list[str]) -> None:
    router = APIRouter()
    router.add_api_route("/open", nothing, methods=methods)
    with pytest.raises(UndeclaredRoute, match="/open"):
        showcase_app(router=router)


def test_an_undeclared_route_is_found_in_an_included_router() -> None:
    inner, outer = APIRouter(), APIRouter()
    inner.add_api_route("/deep", nothing)
    outer.add_api_route("/fine", nothing, dependencies=[public])
    outer.include_router(inner, prefix="/inner")
    with pytest.raises(UndeclaredRoute, match="/inner/deep"):
        showcase_app(router=outer)


def test_routes_and_apps_of_other_kinds_are_undeclared() -> None:
    with_route, with_app = APIRouter(), APIRouter()
    with_route.routes.append(Route("/plain", plain))
    with_app.mount("/app", Starlette())
    for router in (with_route, with_app):
        with pytest.raises(UndeclaredRoute):
            showcase_app(router=router)


def test_an_app_mounted_in_a_site_is_walked_too() -> None:
    inner, router = FastAPI(openapi_url=None, docs_url=None, redoc_url=None), APIRouter()
    inner.add_api_route("/deep", nothing)
    router.mount("/app", inner)
    with pytest.raises(UndeclaredRoute, match="/deep"):
        showcase_app(router=router)


def test_a_declaration_can_stand_on_the_router_the_route_or_the_handler() -> None:
    by_router, by_handler = APIRouter(dependencies=[signed_in]), APIRouter()
    by_router.add_api_route("/a", nothing)
    by_handler.add_api_route("/b", with_principal)
    for router in (by_router, by_handler):
        showcase_app(router=router)


def test_the_operator_has_no_right_to_case_data() -> None:
    cases = {p for p in Permission if "operations" not in p.value}
    assert not permissions_of(Role.OPERATOR) & cases


def test_only_centre_municipality_and_manager_may_ask_for_names() -> None:
    may = {role for role in Role if Permission.READ_IDENTITIES in permissions_of(role)}
    assert may == {Role.CENTRE, Role.MUNICIPALITY, Role.MANAGER}


def test_every_permission_is_somebodys_and_the_auditor_changes_nothing() -> None:
    assert set().union(*map(permissions_of, Role)) == set(Permission)
    assert all(permission.value.startswith("read_") for permission in permissions_of(Role.AUDITOR))
