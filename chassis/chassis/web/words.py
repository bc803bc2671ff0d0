"""The vocabulary as pages show it: msgids by what records say, as every template's `words`."""

from collections.abc import Mapping

from chassis.access import Role
from chassis.web.translations import N_
from contracts.vocabulary import AgeBand, AnswerReason, CareReason, CareStatus, Skill

ROLES: Mapping[Role, str] = {
    Role.CENTRE: N_("Reception centre"),
    Role.MUNICIPALITY: N_("Municipality"),
    Role.MANAGER: N_("Integration manager"),
    Role.DISTRICT: N_("District"),
    Role.STATE: N_("State"),
    Role.OPERATOR: N_("Operations"),
    Role.AUDITOR: N_("Audit"),
}
SKILLS: Mapping[Skill, str] = {
    Skill.TRAUMA_INFORMED: N_("Trauma-informed counselling"),
    Skill.DISABILITY_SUPPORT: N_("Support with a disability"),
    Skill.SCHOOL_ENROLMENT: N_("School enrolment"),
    Skill.VOCATIONAL_RECOGNITION: N_("Recognition of qualifications"),
    Skill.LITERACY: N_("Literacy"),
    Skill.HOUSING_SEARCH: N_("Search for housing"),
}
AGES: Mapping[AgeBand, str] = {
    AgeBand.INFANT: N_("0 to 4 years"),
    AgeBand.CHILD: N_("5 to 11 years"),
    AgeBand.YOUTH: N_("12 to 17 years"),
    AgeBand.ADULT: N_("18 to 59 years"),
    AgeBand.SENIOR: N_("60 years and older"),
}
CARES: Mapping[CareStatus, tuple[str, str]] = {
    CareStatus.NOT_ELIGIBLE: ("info", N_("Not eligible")),
    CareStatus.WAITING: ("warning", N_("Waiting")),
    CareStatus.PROPOSED: ("info", N_("Proposed")),
    CareStatus.CONFIRMED: ("success", N_("In care")),
    CareStatus.ENDED: ("info", N_("Ended")),
}
CARE_REASONS: Mapping[CareReason, str] = {
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
    CareReason.ALL_EXCLUDED: N_("Everybody who could take the case has declined it, or is kept apart from it."),
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
MATCHED = N_("Matched by language, needs, distance and load")
"""Why somebody was chosen, where the reason above says only what is awaited now."""
ANSWER_REASONS: Mapping[AnswerReason, str] = {
    AnswerReason.LANGUAGE: N_("Language"),
    AnswerReason.OVERLOADED: N_("Too many cases"),
    AnswerReason.CONFLICT_OF_INTEREST: N_("Conflict of interest"),
    AnswerReason.WRONG_MUNICIPALITY: N_("Not in this municipality"),
    AnswerReason.LONG_ABSENCE: N_("Long absence"),
    AnswerReason.COUNSELLING_COMPLETED: N_("Counselling completed"),
    AnswerReason.MOVED_AWAY: N_("Moved away"),
    AnswerReason.NO_CONTACT: N_("No contact"),
    AnswerReason.OTHER: N_("Other reason"),
}
