"""What a request finds around it: its site's database and templates, and the menu of all sites."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from fastapi import APIRouter
from starlette.requests import Request

from chassis.database import Database
from chassis.web.menu import Area
from chassis.web.templates import Templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a service shows below its prefix: title and routes.

    `body_limits` holds the routes (paths below the prefix) that may take more than the default of 1 MB, in bytes.
    `state` becomes attributes of `request.app.state`.
    """

    title: str
    router: APIRouter
    body_limits: Mapping[str, int] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """A site in its place: the service's name, its prefix and the package of its templates, files and catalog."""

    name: str
    prefix: str
    package: str
    site: Site


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Found on every app's state. `database` raises ConnectionError while there is none."""

    prefix: str
    database: Callable[[], Database]
    templates: Templates
    menu: Sequence[Area]


def surroundings(request: Request) -> Surroundings:
    """The surroundings of the app that handles this request."""
    return cast(Surroundings, request.app.state.surroundings)


def menu_label(request: Request, path: str) -> str:
    """The msgid by which the menu leads to this page of the site; a site that is in no menu is called by its path."""
    around = surroundings(request)
    links = (link for area in around.menu if area.prefix == around.prefix for link in area.links)
    return next((link.label for link in links if link.path == path), path.lstrip("/"))
