"""Forms of pages: what was filled in, as a model or with the errors to show beside the fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError
from starlette.requests import Request

from chassis.web.problems import FieldError, field_errors
from chassis.web.render import translations_of
from chassis.web.translations import N_
from contracts.record import DistrictAgs

Model = TypeVar("Model", bound=BaseModel)

_MESSAGES = {
    "missing": N_("Please fill in this field."),
    "string_too_short": N_("Please fill in this field."),
    "string_too_long": N_("This is too long."),
    "int_parsing": N_("Please enter a whole number."),
    "int_from_float": N_("Please enter a whole number."),
    "decimal_parsing": N_("Please enter a number."),
    "float_parsing": N_("Please enter a number."),
    "greater_than": N_("This number is too small."),
    "greater_than_equal": N_("This number is too small."),
    "less_than": N_("This number is too large."),
    "less_than_equal": N_("This number is too large."),
    "date_from_datetime_parsing": N_("Please enter a day."),
    "date_parsing": N_("Please enter a day."),
    "enum": N_("Please choose one of the options."),
    "literal_error": N_("Please choose one of the options."),
}


class _Sparse(dict[str, Any]):
    """A field that was not filled in, or has no error, is None: templates ask for all fields."""

    def __missing__(self, name: str) -> None:
        return None


def none_if_empty(value: object) -> object:
    """A form sends every field; what nobody filled in is empty."""
    return None if value == "" else value


District = Annotated[DistrictAgs | None, BeforeValidator(none_if_empty)]
"""The district that a page is narrowed to by a form; None for all."""


@dataclass(frozen=True, slots=True)
class Filled(Generic[Model]):
    """`value` if all is well, else None and the translated `errors` by field name; `raw` to show the form again."""

    value: Model | None
    raw: Mapping[str, Any]
    errors: Mapping[str, str]


def blank_form(model: type[Model], **filled: Any) -> Filled[Model]:
    """A form to show for the first time, with these fields filled in already."""
    return Filled(None, _Sparse(filled), _Sparse())


async def read_form(request: Request, model: type[Model]) -> Filled[Model]:
    """The request's form as `model`: empty fields count as not given, a repeated field is a list where one is due."""
    form = await request.form()
    raw = _Sparse()
    for name, field in model.model_fields.items():
        values = [value.strip() if isinstance(value, str) else value for value in form.getlist(field.alias or name)]
        values = [value for value in values if value != ""]
        if values:
            raw[field.alias or name] = values if _is_many(field.annotation) else values[-1]
    try:
        return Filled(model.model_validate(dict(raw)), raw, _Sparse())
    except ValidationError as error:
        _ = translations_of(request).gettext
        found = field_errors(error.errors(include_url=False, include_input=False, include_context=False))
        return Filled(None, raw, _Sparse({one.pointer.split("/")[1]: _(_said(one)) for one in found}))


def _said(error: FieldError) -> str:
    own = error.message if error.code == "value_error" else N_("Please check this entry.")
    return _MESSAGES.get(error.code, own)


def _is_many(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", annotation) in {list, tuple, set, frozenset}
