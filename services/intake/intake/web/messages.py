"""What a problem's code says to people, in English; pages translate it."""

from collections.abc import Iterable, Mapping

from chassis.web import N_, FieldError
from intake.stated import Problem

MESSAGES: Mapping[str, str] = {
    "allotted_before_arrival": N_("The allotment cannot be before the arrival."),
    "allotted_too_far_ahead": N_("The allotment cannot be more than a year ahead."),
    "arrived_in_future": N_("The arrival cannot be in the future."),
    "arrived_too_long_ago": N_("The arrival is too long ago."),
    "born_in_future": N_("The birth date cannot be in the future."),
    "born_too_long_ago": N_("The birth date is too long ago."),
    "changed_meanwhile": N_("The household has changed in the meantime; please look at it again."),
    "duplicate_person": N_("This person is listed twice."),
    "household_empty": N_("A household has at least one person."),
    "household_too_large": N_("A household has at most 25 persons."),
    "idempotency_key_reused": N_(
        "A household was registered with this form before."
        " Correct that household, or save again to register another one."
    ),
    "malformed": N_("This does not have the expected form."),
    "malformed_json": N_("The body is not valid JSON in UTF-8."),
    "minor_without_family": N_("A child alone is an unaccompanied minor or belongs to a family group."),
    "missing": N_("Please fill in this field."),
    "not_a_date": N_("Please enter a day as year-month-day."),
    "not_active": N_("The household is no longer active."),
    "not_an_unaccompanied_minor": N_("An unaccompanied minor is one person under 18."),
    "nothing_stated": N_("A correction states facts, identity or both."),
    "out_of_range": N_("This number is out of range."),
    "overtaken": N_(
        "Something newer was decided on this reference before this could be read; send it again if it still holds."
    ),
    "reference_ended": N_("The household of this reference is no longer active; register it under a new reference."),
    "reference_taken": N_("This reference belongs to another form already; correct that household instead."),
    "too_long": N_("This is too long."),
    "too_short": N_("This is too short."),
    "unknown_municipality": N_("No municipality of Baden-Württemberg has this key."),
    "unknown_reference": N_("No household has this reference."),
    "unknown_value": N_("This is not one of the values of the list."),
    "wrong_type": N_("This has the wrong type."),
}
MALFORMED: Mapping[str, str] = {
    "/reference": N_("A reference has up to 40 letters, digits, dots, hyphens and underscores, and no spaces."),
    "/facts/residence_title": N_("A section is up to three digits and perhaps a small letter, for example 24 or 104c."),
    "/facts/family_group": N_("An identifier is 32 digits and letters from a to f in five groups, as a UUID."),
    "/identity/contact/phone": N_(
        "A telephone number has 5 to 30 digits, spaces, brackets, / and -, perhaps after a +."
    ),
    "/identity/contact/email": N_("An e-mail address is written like name@example.org."),
}
"""What holds for a field, where its form is not the expected one."""
DEFAULT = N_("Please check this entry.")


def message_of(problem: Problem) -> str:
    """The msgid of a problem."""
    said = MALFORMED.get(problem.pointer) if problem.code == "malformed" else None
    return said or MESSAGES.get(problem.code, DEFAULT)


def field_errors(problems: Iterable[Problem]) -> list[FieldError]:
    """Problems as RFC 9457's `errors`; a pointer is one into the request's body."""
    return [FieldError(one.pointer, one.code, message_of(one)) for one in problems]
