"""The words of the vocabulary as pages show them."""

from collections.abc import Mapping

from chassis.web import N_
from matching.domain import OverrideReason
from matching.handing_over import Reason
from matching.handover import Cause

GATES: Mapping[str, str] = {
    "not_served": N_("does not serve this municipality"),
    "nobody_active": N_("is not on duty"),
    "all_excluded": N_("may not get this household: declined before, or a conflict of interest"),
    "skill_missing": N_("lacks a skill that is mandatory"),
    "week_full": N_("has had her new cases of this week"),
    "no_capacity": N_("has no capacity left"),
}
WAITING = (
    "no_municipality",
    "not_served",
    "nobody_active",
    "all_excluded",
    "skill_missing",
    "week_full",
    "no_capacity",
    "parked",
    "to_be_reassessed",
)
ANSWERS: Mapping[str, str] = {
    "declined": N_("Declined"),
    "transfer_requested": N_("Transfer requested"),
    "closed": N_("Closed"),
}
OVERRIDE_REASONS: Mapping[OverrideReason, str] = {
    OverrideReason.RELATIVES: N_("Relatives are with this manager"),
    OverrideReason.FORMER_MANAGER: N_("Was with this manager before"),
    OverrideReason.SPECIAL_KNOWLEDGE: N_("Special knowledge is needed"),
    OverrideReason.CONFLICT_OF_INTEREST: N_("Conflict of interest"),
    OverrideReason.COVER: N_("Cover for a colleague"),
    OverrideReason.HARDSHIP: N_("Hardship"),
    OverrideReason.LOCAL_AGREEMENT: N_("Local agreement"),
}
HANDOVER_REASONS: Mapping[Reason, str] = {
    Reason.ABSENT: N_("A manager is absent"),
    Reason.LEAVING: N_("A manager leaves"),
    Reason.CUT: N_("A post is cut"),
    Reason.TERRITORY: N_("A municipality changes its provider"),
    Reason.GROWTH: N_("A household has grown or merged with another"),
    Reason.TRANSFER: N_("A transfer is requested"),
}
HANDOVER_STATUSES: Mapping[str, tuple[str, str]] = {
    "proposed": ("info", N_("Proposal")),
    "running": ("warning", N_("Running")),
    "done": ("success", N_("Finished")),
    "discarded": ("info", N_("Discarded")),
}
HANDOVER_CAUSES: Mapping[Cause, str] = {
    Cause.REMOVED: N_("She is no longer in the roster."),
    Cause.LEFT: N_("She leaves or has left."),
    Cause.ABSENT: N_("She is absent."),
    Cause.NOT_SERVED: N_("She no longer serves this municipality."),
    Cause.OVER_CAPACITY: N_("She carries more than her post allows."),
    Cause.GROWN: N_("With this case as it is now she carries more than her post allows."),
    Cause.REQUESTED: N_("A transfer is requested."),
}
MOVE_STATUSES: Mapping[str, tuple[str, str]] = {
    "planned": ("info", N_("Planned")),
    "done": ("success", N_("Done")),
    "stale": ("warning", N_("Left as it is")),
    "uncovered": ("danger", N_("Without cover")),
}
REFUSALS: Mapping[str, str] = {
    "care_has_changed": N_("The case has changed meanwhile. Please look at it again."),
    "household_is_not_active": N_("The household is no longer registered here."),
    "unknown_manager": N_("There is no such manager."),
    "manager_has_the_case": N_("This manager has the case already."),
}
FAULTS: Mapping[str, str] = {
    "not_utf8": N_("The file is not encoded in UTF-8."),
    "not_csv": N_("The file is not a CSV file with semicolons."),
    "column_missing": N_("This column is missing."),
    "column_unknown_or_twice": N_("A column is unknown or comes twice."),
    "too_many_rows": N_("The file has too many rows."),
    "number_of_cells": N_("The row has too many or too few cells."),
    "duplicate_code": N_("This code comes twice with its provider."),
    "missing": N_("A value is missing."),
    "not_a_code": N_("A code has up to 40 letters, digits, dots, hyphens and underscores."),
    "not_a_name": N_("A name has up to 100 characters."),
    "not_a_number": N_("This is not a number."),
    "negative": N_("The number is negative."),
    "more_than_one_post": N_("A person has at most one full post."),
    "more_than_two_decimals": N_("Two decimals at most."),
    "not_in_quarters": N_("Posts are usually in quarters of a full one."),
    "not_a_language_code": N_("Languages are codes of two or three letters, such as uk."),
    "unknown_skill": N_("There is no such skill."),
    "not_an_ags": N_("A municipality is given by its AGS: eight digits that begin with 08."),
    "unknown_ags": N_("The register has no municipality with this AGS."),
    "no_register_yet": N_("The register of municipalities has not been imported yet."),
    "not_a_date": N_("A day is written like 2022-03-14."),
    "not_a_period": N_("An absence is written like 2022-03-14/2022-03-20, without its end while that is open."),
    "ends_before_it_begins": N_("It ends before it begins."),
    "absences_overlap": N_("Two absences overlap."),
    "not_a_change": N_("A change of a post has its day and its share; in a file it is written like 2022-05-01:0,5."),
    "two_changes_on_one_day": N_("Two changes of a post begin on the same day."),
    "changed_meanwhile": N_("The manager has been changed in the meantime; please look at her again."),
}
TERMS: Mapping[str, str] = {
    "fte": N_("Share of a full post"),
    "fte_changes": N_("Changes of the post"),
    "active_until": N_("Last day"),
    "max_new_per_week": N_("New cases a week at most"),
    "office": N_("Office"),
    "service_area": N_("Service area"),
    "languages": N_("Languages"),
    "skills": N_("Skills"),
}
"""What a form changes of a manager, by the columns of the roster's file."""
