"""What a service needs to show itself: routes with permissions, pages, problems, paging, downloads."""

from chassis.web.app import assemble, build_app, openapi_of
from chassis.web.export import csv_response
from chassis.web.files import LARGEST_BODY, file_in
from chassis.web.forms import District, Filled, blank_form, none_if_empty, read_form
from chassis.web.guard import UndeclaredRoute, public, require, signed_in
from chassis.web.paging import NO_NUL, Instant, PageQuery, Paging, decode_cursor, encode_cursor
from chassis.web.problems import FieldError, Problem, not_found
from chassis.web.render import redirect, render, translations_of, wants_partial
from chassis.web.surroundings import Mounted, Site
from chassis.web.translations import N_
from chassis.web.work import Work
