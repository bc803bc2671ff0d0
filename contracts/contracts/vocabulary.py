"""The words that records use, as closed lists: a word no reader knows is parked, never guessed."""

from enum import StrEnum


class LegalGroup(StrEnum):
    """What a household's stay rests on; policy says which of them are counselled, and from when."""

    DISPLACED_UKRAINIAN = "displaced_ukrainian"
    ENTITLED_TO_PROTECTION = "entitled_to_protection"
    SUBSIDIARY_PROTECTION = "subsidiary_protection"
    HUMANITARIAN_ADMISSION = "humanitarian_admission"
    ASYLUM_SEEKER = "asylum_seeker"
    TOLERATED = "tolerated"
    OBLIGED_TO_LEAVE = "obliged_to_leave"


class Accommodation(StrEnum):
    """The stages of FlüAG: first reception (Land), provisional (Kreis), follow-up (municipality)."""

    FIRST_RECEPTION = "first_reception"
    PROVISIONAL = "provisional_accommodation"
    FOLLOW_UP = "follow_up_accommodation"
    PRIVATE = "private"


class AgeBand(StrEnum):
    """The age groups of UNHCR's population statistics, in completed years."""

    INFANT = "0-4"
    CHILD = "5-11"
    YOUTH = "12-17"
    ADULT = "18-59"
    SENIOR = "60+"


class Skill(StrEnum):
    """What a household needs and a manager brings: a field of counselling, never a diagnosis."""

    TRAUMA_INFORMED = "trauma_informed"
    DISABILITY_SUPPORT = "disability_support"
    SCHOOL_ENROLMENT = "school_enrolment"
    VOCATIONAL_RECOGNITION = "vocational_recognition"
    LITERACY = "literacy"
    HOUSING_SEARCH = "housing_search"


class HouseholdStatus(StrEnum):
    """Where a household's stay stands, as intake knows it."""

    ACTIVE = "active"
    WITHDRAWN = "withdrawn"
    DEPARTED = "departed"
    MERGED = "merged"
    HANDED_OVER = "handed_over"
    ERASED = "erased"


class HouseholdChange(StrEnum):
    """What made this revision of a household."""

    REGISTERED = "registered"
    CORRECTED = "corrected"
    MOVED = "moved"
    WITHDRAWN = "withdrawn"
    DEPARTED = "departed"
    MERGED = "merged"
    HANDED_OVER = "handed_over"
    ERASED = "erased"


class CareStatus(StrEnum):
    """Where the care of a household stands."""

    NOT_ELIGIBLE = "not_eligible"
    WAITING = "waiting"
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    ENDED = "ended"


class CareReason(StrEnum):
    """Why a care has its status; each status has its own few."""

    # not_eligible
    LEGAL_GROUP = "legal_group"
    RESIDENCE_TITLE = "residence_title"
    STAGE = "stage"
    UNACCOMPANIED_MINOR = "unaccompanied_minor"
    COUNSELLING_PERIOD_OVER = "counselling_period_over"
    NO_POLICY = "no_policy"
    # waiting: the first gate that no manager passed
    NO_MUNICIPALITY = "no_municipality"
    NOT_SERVED = "not_served"
    NOBODY_ACTIVE = "nobody_active"
    SKILL_MISSING = "skill_missing"
    ALL_EXCLUDED = "all_excluded"
    WEEK_FULL = "week_full"
    NO_CAPACITY = "no_capacity"
    # waiting: what the policy makes of a decline
    PARKED = "parked"
    TO_BE_REASSESSED = "to_be_reassessed"
    # proposed
    MATCHED = "matched"
    OVERRIDDEN = "overridden"
    DECLINE_UNDONE = "decline_undone"
    MANAGER_STAYS = "manager_stays"
    # confirmed
    ACCEPTED = "accepted"
    # ended
    CLOSED = "closed"
    DECLINED = "declined"
    HOUSEHOLD_WITHDRAWN = "household_withdrawn"
    HOUSEHOLD_DEPARTED = "household_departed"
    HOUSEHOLD_MERGED = "household_merged"
    HOUSEHOLD_HANDED_OVER = "household_handed_over"
    HOUSEHOLD_ERASED = "household_erased"


class Answer(StrEnum):
    """The state of one inbox item; `undone` takes a decline back."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    UNDONE = "undone"
    CONTACTED = "contacted"
    CLOSED = "closed"
    TRANSFER_REQUESTED = "transfer_requested"


class AnswerReason(StrEnum):
    """Coded reasons of a decline, a close or a transfer request; free text would carry names."""

    # decline, transfer
    LANGUAGE = "language"
    OVERLOADED = "overloaded"
    CONFLICT_OF_INTEREST = "conflict_of_interest"
    WRONG_MUNICIPALITY = "wrong_municipality"
    LONG_ABSENCE = "long_absence"
    OTHER = "other"
    # close
    COUNSELLING_COMPLETED = "counselling_completed"
    MOVED_AWAY = "moved_away"
    NO_CONTACT = "no_contact"


DECLINE_REASONS = frozenset(
    {
        AnswerReason.LANGUAGE,
        AnswerReason.OVERLOADED,
        AnswerReason.CONFLICT_OF_INTEREST,
        AnswerReason.WRONG_MUNICIPALITY,
        AnswerReason.LONG_ABSENCE,
        AnswerReason.OTHER,
    }
)
CLOSE_REASONS = frozenset(
    {
        AnswerReason.COUNSELLING_COMPLETED,
        AnswerReason.MOVED_AWAY,
        AnswerReason.NO_CONTACT,
        AnswerReason.OTHER,
    }
)


def reasons_of(answer: Answer) -> frozenset[AnswerReason]:
    """The coded reasons an answer needs one of; empty where it takes none."""
    match answer:
        case Answer.DECLINED | Answer.TRANSFER_REQUESTED:
            return DECLINE_REASONS
        case Answer.CLOSED:
            return CLOSE_REASONS
        case Answer.ACCEPTED | Answer.CONTACTED | Answer.UNDONE:
            return frozenset()


def reason_fits(answer: Answer, reason: AnswerReason | None) -> bool:
    """Whether the reason is one of the answer's; none where it takes none."""
    allowed = reasons_of(answer)
    return reason in allowed if allowed else reason is None


class DeclineEffect(StrEnum):
    """What follows a decline."""

    CHOOSE_AGAIN = "choose_again"
    PARK = "park"
    """Nobody is asked for some days."""
    REASSESS = "reassess"
    """Nobody is asked until the household's facts change or a person decides."""
    WITHDRAW = "withdraw"
    """The care ends."""


class Applied(StrEnum):
    """What matching did with an answer: applied, or stale because the care had moved on."""

    APPLIED = "applied"
    STALE = "stale"


class ManagerStatus(StrEnum):
    """Whether a manager takes part; who left keeps a last state, so that old cares can name the code."""

    ACTIVE = "active"
    REMOVED = "removed"


class SubmissionKind(StrEnum):
    """What a centre asks for."""

    REGISTER = "register"
    CORRECT = "correct"
    WITHDRAW = "withdraw"
    DEPART = "depart"


class Outcome(StrEnum):
    """What became of one offered record; each has exactly one."""

    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"
    DEPARTED = "departed"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
