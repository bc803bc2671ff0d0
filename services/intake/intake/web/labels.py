"""The words of the vocabulary as pages show them."""

from collections.abc import Mapping

from babel import Locale

from chassis.web import N_
from chassis.web.formats import first
from contracts.vocabulary import (
    Accommodation,
    HouseholdStatus,
    LegalGroup,
)
from intake.stated import Sex

LEGAL_GROUPS: Mapping[LegalGroup, str] = {
    LegalGroup.DISPLACED_UKRAINIAN: N_("Displaced from Ukraine"),
    LegalGroup.ENTITLED_TO_PROTECTION: N_("Entitled to asylum or refugee protection"),
    LegalGroup.SUBSIDIARY_PROTECTION: N_("Subsidiary protection"),
    LegalGroup.HUMANITARIAN_ADMISSION: N_("Humanitarian admission"),
    LegalGroup.ASYLUM_SEEKER: N_("Asylum seeker"),
    LegalGroup.TOLERATED: N_("Tolerated stay"),
    LegalGroup.OBLIGED_TO_LEAVE: N_("Obliged to leave"),
}
ACCOMMODATIONS: Mapping[Accommodation, str] = {
    Accommodation.FIRST_RECEPTION: N_("First reception"),
    Accommodation.PROVISIONAL: N_("Provisional accommodation"),
    Accommodation.FOLLOW_UP: N_("Follow-up accommodation"),
    Accommodation.PRIVATE: N_("Private accommodation"),
}
SEXES: Mapping[Sex, str] = {
    Sex.FEMALE: N_("female"),
    Sex.MALE: N_("male"),
    Sex.DIVERSE: N_("diverse"),
    Sex.UNKNOWN: N_("not stated"),
}
STATUSES: Mapping[HouseholdStatus, tuple[str, str]] = {
    HouseholdStatus.ACTIVE: ("success", N_("Active")),
    HouseholdStatus.WITHDRAWN: ("warning", N_("Withdrawn")),
    HouseholdStatus.DEPARTED: ("info", N_("Departed")),
    HouseholdStatus.MERGED: ("info", N_("Merged")),
    HouseholdStatus.HANDED_OVER: ("info", N_("Handed over to youth welfare")),
    HouseholdStatus.ERASED: ("info", N_("Erased")),
}
EVENTS: Mapping[str, str] = {
    "registered": N_("Registered"),
    "changed": N_("Corrected"),
    "withdrawn": N_("Withdrawn"),
    "handed_over": N_("Handed over to youth welfare"),
    "departed": N_("Departed"),
    "merged": N_("Merged"),
    "not_eligible": N_("Not eligible"),
    "waiting": N_("On the waiting list"),
    "proposed": N_("Proposed to an integration manager"),
    "answered": N_("Answered by the municipality"),
    "accepted": N_("Accepted by the municipality"),
    "declined": N_("Declined by the municipality"),
    "transfer_requested": N_("The municipality asked for a transfer"),
    "closed": N_("Closed by the municipality"),
    "contacted": N_("First contact with the household"),
    "assignment_ended": N_("The assignment ended"),
    "ended": N_("Care ended"),
}
FIELDS: Mapping[str, str] = {
    "reference": N_("Reference"),
    "arrived_on": N_("Day of arrival"),
    "municipality": N_("Municipality"),
    "district": N_("District"),
    "allotted_on": N_("Day of allotment to the municipality"),
    "counselling_extended": N_("Counselled for longer than the usual period, as a justified case"),
    "accommodation": N_("Accommodation"),
    "legal_group": N_("Legal group"),
    "residence_title": N_("Residence title (section)"),
    "family_group": N_("Family group"),
    "unaccompanied_minor": N_("Unaccompanied minor"),
    "languages": N_("Languages"),
    "skills_needed": N_("Needs"),
    "given_name": N_("Given name"),
    "family_name": N_("Family name"),
    "birth_date": N_("Birth date"),
    "nationality": N_("Nationality"),
    "sex": N_("Sex"),
    "phone": N_("Telephone"),
    "email": N_("E-mail"),
}
"""Fields of the form, by the last word of their name."""
FIRST_COUNTRIES = ("UA", "SY", "AF", "IQ", "TR", "IR", "ER", "SO", "RU", "MD")


def countries(locale: Locale) -> list[tuple[str, str]]:
    """ISO 3166 codes with their names; those that are asked for most come first."""
    names = {code: name for code, name in locale.territories.items() if len(code) == 2 and code.isalpha()}
    return first(FIRST_COUNTRIES, names)
