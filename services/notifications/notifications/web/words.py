"""What codes are called on pages; msgids, to be translated where they show."""

from chassis.web import N_
from contracts.vocabulary import AgeBand, Answer, AnswerReason, Skill
from notifications.domain import ItemStatus

STATUSES = {
    ItemStatus.OPEN: N_("Open"),
    ItemStatus.ACCEPTED: N_("Accepted"),
    ItemStatus.DECLINED: N_("Declined"),
    ItemStatus.CLOSED: N_("Closed"),
}
BADGES = {
    ItemStatus.OPEN: "info",
    ItemStatus.ACCEPTED: "success",
    ItemStatus.DECLINED: "warning",
    ItemStatus.CLOSED: "info",
}
ANSWERS = {
    Answer.ACCEPTED: N_("Accepted"),
    Answer.DECLINED: N_("Declined"),
    Answer.UNDONE: N_("Decline taken back"),
    Answer.CONTACTED: N_("Family contacted"),
    Answer.CLOSED: N_("Closed"),
    Answer.TRANSFER_REQUESTED: N_("Transfer requested"),
}
ANSWER_REASONS = {
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
REASONS = {
    "matched": N_("Matched by language, needs, distance and load"),
    "overridden": N_("Decided by a person"),
    "decline_undone": N_("Proposed again after a decline was taken back"),
    "manager_stays": N_("The household has moved here and stays with its manager"),
    "accepted": N_("Accepted"),
    "moved_on": N_("The household has moved on: another assignment, the waiting list, or no counselling any more"),
    "closed": N_("Closed"),
    "declined": N_("Declined"),
    "household_withdrawn": N_("The household was withdrawn"),
    "household_departed": N_("The household has departed"),
    "household_merged": N_("The household was merged with another"),
    "household_handed_over": N_("The household was handed over"),
    "household_erased": N_("The household was erased"),
}
FATES = {
    "pending": N_("The answer is being processed"),
    "applied": N_("The answer has been applied"),
    "stale": N_("The answer came too late: the assignment had moved on"),
}
AGES = {
    AgeBand.INFANT: N_("0 to 4 years"),
    AgeBand.CHILD: N_("5 to 11 years"),
    AgeBand.YOUTH: N_("12 to 17 years"),
    AgeBand.ADULT: N_("18 to 59 years"),
    AgeBand.SENIOR: N_("60 years and older"),
}
SKILLS = {
    Skill.TRAUMA_INFORMED: N_("Trauma-informed counselling"),
    Skill.DISABILITY_SUPPORT: N_("Support with a disability"),
    Skill.SCHOOL_ENROLMENT: N_("School enrolment"),
    Skill.VOCATIONAL_RECOGNITION: N_("Recognition of qualifications"),
    Skill.LITERACY: N_("Literacy"),
    Skill.HOUSING_SEARCH: N_("Search for housing"),
}
KINDS = {"proposal": N_("Proposal"), "reminder": N_("Reminder")}
ERRORS = {
    "timeout": N_("The mail server did not answer in time"),
    "connection": N_("The mail server could not be reached"),
}
