"""Fields of a page's form named by the JSON Pointer they fill: a fault's pointer is the name of its field."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from intake.stated import MAX_PERSONS, Problem
from intake.web.messages import message_of

_NAME = re.compile(
    r"reference|facts/(languages|skills_needed)/[0-9]{1,2}|facts/(?!languages$|skills_needed$)[a-z_]{1,30}"
    r"|identity/persons/[0-9]{1,2}/[a-z_]{1,30}|identity/contact/[a-z]{1,30}"
)
_BESIDES = {"action", "form_id", "revision"}
_FLAGS = {"facts/unaccompanied_minor", "facts/counselling_extended"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A form as it is shown: `raw` by field, `errors` (msgids) by field, `general` those that have no field.

    `focus` is the id of what is to be filled in or pressed next.
    """

    raw: Mapping[str, Any]
    errors: Mapping[str, str | None]
    general: tuple[str, ...]
    persons: int
    focus: str | None = None

    def chosen(self, name: str) -> set[str]:
        """The values of all fields of a list."""
        return {value for field, value in self.raw.items() if field.startswith(f"{name}/") and value}

    def number_of(self, name: str) -> int:
        """How many fields a list has, up to its last one."""
        return max((int(field.rpartition("/")[2]) + 1 for field in self.raw if field.startswith(f"{name}/")), default=0)


def fields_in(pairs: Iterable[tuple[str, object]]) -> dict[str, str]:
    """The text fields that our forms have, of those that were sent."""
    return {
        name: value for name, value in pairs if isinstance(value, str) and (name in _BESIDES or _NAME.fullmatch(name))
    }


def nested(pairs: Iterable[tuple[str, object]]) -> dict[str, Any]:
    """`facts/languages/0=uk` → `{"facts": {"languages": ["uk"]}}`.

    Empty fields are left out, and an empty item of a list with them; a person with empty fields stays a person.
    """
    root: dict[str, Any] = {}
    for name, value in pairs:
        if not isinstance(value, str) or not _NAME.fullmatch(name):
            continue
        text = value.strip()
        *path, last = name.split("/")
        if not text and last.isdigit():
            continue
        here = root
        for part in path:
            here = here.setdefault(part, {})
        if text:
            here[last] = text == "true" if name in _FLAGS else text
    lists: dict[str, Any] = _lists(root)
    return lists


def flattened(value: object, at: str = "") -> dict[str, str]:
    """The reverse of `nested`: JSON as the fields of a form."""
    match value:
        case None:
            return {}
        case dict():
            items = list(value.items())
        case list() | tuple():
            items = [(str(index), one) for index, one in enumerate(value)]
        case bool():
            return {at: "true"} if value else {}
        case _:
            return {at: str(value)}
    fields: dict[str, str] = {}
    for name, one in items:
        fields |= flattened(one, f"{at}/{name}".lstrip("/"))
    return fields


def sheet(fields: Mapping[str, str], problems: Iterable[Problem] = (), persons: int | None = None) -> Sheet:
    """A form to show, with what is wrong beside the fields it is wrong in."""
    raw: defaultdict[str, Any] = defaultdict(lambda: None, fields)
    errors: defaultdict[str, str | None] = defaultdict(lambda: None)
    general: list[str] = []
    for problem in problems:
        name, message = problem.pointer[1:], message_of(problem)
        if _NAME.fullmatch(name):
            errors[name] = message
        elif message not in general:
            general.append(message)
    return Sheet(raw, errors, tuple(general), min(persons or persons_in(fields), MAX_PERSONS))


def persons_in(fields: Iterable[str]) -> int:
    """How many persons a form has fields for, at least one."""
    return max((int(name.split("/")[2]) + 1 for name in fields if name.startswith("identity/persons/")), default=1)


def without_person(fields: Mapping[str, str], index: int) -> dict[str, str]:
    """The fields after a person was taken out; those behind move up."""
    kept: dict[str, str] = {}
    for name, value in fields.items():
        parts = name.split("/")
        if parts[:2] == ["identity", "persons"]:
            number = int(parts[2])
            if number == index:
                continue
            parts[2] = str(number - (number > index))
        kept["/".join(parts)] = value
    return kept


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(name.isdigit() for name in value):
        return [_lists(one) for _, one in sorted(value.items(), key=lambda item: int(item[0]))]
    return {name: _lists(one) for name, one in value.items()}
