"""The words of the vocabulary as pages show them."""

from collections.abc import Mapping

from babel import Locale

from chassis.web import N_
from contracts.vocabulary import (
    Accommodation,
    AgeBand,
    CareReason,
    CareStatus,
    HouseholdStatus,
    LegalGroup,
    Skill,
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
SKILLS: Mapping[Skill, str] = {
    Skill.TRAUMA_INFORMED: N_("Trauma-informed counselling"),
    Skill.DISABILITY_SUPPORT: N_("Support with a disability"),
    Skill.SCHOOL_ENROLMENT: N_("School enrolment"),
    Skill.VOCATIONAL_RECOGNITION: N_("Recognition of qualifications"),
    Skill.LITERACY: N_("Literacy"),
    Skill.HOUSING_SEARCH: N_("Search for housing"),
}
SEXES: Mapping[Sex, str] = {
    Sex.FEMALE: N_("female"),
    Sex.MALE: N_("male"),
    Sex.DIVERSE: N_("diverse"),
    Sex.UNKNOWN: N_("not stated"),
}
AGES: Mapping[AgeBand, str] = {
    AgeBand.INFANT: N_("0 to 4 years"),
    AgeBand.CHILD: N_("5 to 11 years"),
    AgeBand.YOUTH: N_("12 to 17 years"),
    AgeBand.ADULT: N_("18 to 59 years"),
    AgeBand.SENIOR: N_("60 years and older"),
}
STATUSES: Mapping[HouseholdStatus, tuple[str, str]] = {
    HouseholdStatus.ACTIVE: ("success", N_("Active")),
    HouseholdStatus.WITHDRAWN: ("warning", N_("Withdrawn")),
    HouseholdStatus.DEPARTED: ("info", N_("Departed")),
    HouseholdStatus.MERGED: ("info", N_("Merged")),
    HouseholdStatus.HANDED_OVER: ("info", N_("Handed over to youth welfare")),
    HouseholdStatus.ERASED: ("info", N_("Erased")),
}
CARES: Mapping[CareStatus, tuple[str, str]] = {
    CareStatus.NOT_ELIGIBLE: ("info", N_("Not eligible")),
    CareStatus.WAITING: ("warning", N_("Waiting")),
    CareStatus.PROPOSED: ("info", N_("Proposed")),
    CareStatus.CONFIRMED: ("success", N_("In care")),
    CareStatus.ENDED: ("info", N_("Ended")),
}
REASONS: Mapping[CareReason, str] = {
    CareReason.LEGAL_GROUP: N_("The legal group is not counselled."),
    CareReason.RESIDENCE_TITLE: N_("The residence title is not among those counselled."),
    CareReason.STAGE: N_("Counselling does not begin in this kind of accommodation."),
    CareReason.UNACCOMPANIED_MINOR: N_("Unaccompanied minors are in the care of youth welfare."),
    CareReason.COUNSELLING_PERIOD_OVER: N_("The counselling period is over."),
    CareReason.NO_POLICY: N_("No policy covers this date."),
    CareReason.NO_MUNICIPALITY: N_("No municipality has been named yet."),
    CareReason.NOT_SERVED: N_("No integration manager serves this municipality."),
    CareReason.NOBODY_ACTIVE: N_("Nobody who serves this municipality is on duty."),
    CareReason.SKILL_MISSING: N_("Nobody has the skills that are needed."),
    CareReason.ALL_EXCLUDED: N_("Everybody who could take the case has declined it."),
    CareReason.WEEK_FULL: N_("Everybody who could take the case has had as many new ones this week as she takes."),
    CareReason.NO_CAPACITY: N_("Nobody has capacity left."),
    CareReason.PARKED: N_("Declined; nobody is asked for some time."),
    CareReason.TO_BE_REASSESSED: N_("Declined; the case has to be assessed anew."),
    CareReason.MATCHED: N_("Proposed to the municipality; its answer is awaited."),
    CareReason.OVERRIDDEN: N_("Assigned by a person."),
    CareReason.DECLINE_UNDONE: N_("The municipality took its decline back."),
    CareReason.MANAGER_STAYS: N_(
        "The household has moved and stays with its manager; the municipality's answer is awaited."
    ),
    CareReason.ACCEPTED: N_("Accepted by the municipality."),
    CareReason.CLOSED: N_("Closed by the municipality."),
    CareReason.DECLINED: N_("Declined by the municipality; the care has ended."),
    CareReason.HOUSEHOLD_WITHDRAWN: N_("The registration was withdrawn."),
    CareReason.HOUSEHOLD_DEPARTED: N_("The household has departed."),
    CareReason.HOUSEHOLD_MERGED: N_("The household was merged with another."),
    CareReason.HOUSEHOLD_HANDED_OVER: N_("The case was handed over to youth welfare."),
    CareReason.HOUSEHOLD_ERASED: N_("The household was erased."),
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
FIRST_LANGUAGES = ("uk", "ru", "ar", "fa", "prs", "ps", "ku", "tr", "ti", "so", "en", "fr", "de")
FIRST_COUNTRIES = ("UA", "SY", "AF", "IQ", "TR", "IR", "ER", "SO", "RU", "MD")


def languages(locale: Locale) -> list[tuple[str, str]]:
    """ISO 639 codes with their names; those that are asked for most come first."""
    return _first(FIRST_LANGUAGES, {code: name for code, name in locale.languages.items() if len(code) in (2, 3)})


def countries(locale: Locale) -> list[tuple[str, str]]:
    """ISO 3166 codes with their names; those that are asked for most come first."""
    names = {code: name for code, name in locale.territories.items() if len(code) == 2 and code.isalpha()}
    return _first(FIRST_COUNTRIES, names)


def _first(codes: tuple[str, ...], names: Mapping[str, str]) -> list[tuple[str, str]]:
    rest = sorted((name, code) for code, name in names.items() if code not in codes)
    return [*((code, names.get(code, code)) for code in codes), *((code, name) for name, code in rest)]
