"""What codes are called on pages; msgids, to be translated where they show."""

from chassis.web import N_
from chassis.web.words import MATCHED
from contracts.vocabulary import Answer
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
REASONS = {
    "matched": MATCHED,
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
    "household_handed_over": N_("The household was handed over to youth welfare"),
    "household_erased": N_("The household was erased"),
}
FATES = {
    "pending": N_("The answer is being processed"),
    "applied": N_("The answer has been applied"),
    "stale": N_("The answer came too late: the assignment had moved on"),
}
KINDS = {"proposal": N_("Proposal"), "reminder": N_("Reminder"), "escalation": N_("Told to the district")}
ERRORS = {
    "timeout": N_("The mail server did not answer in time"),
    "connection": N_("The mail server could not be reached"),
}
