"""The household's life cycle as functions: what an offer makes of it, or why not."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import assert_never
from uuid import UUID

from contracts.vocabulary import (
    AgeBand,
    HouseholdChange,
    HouseholdStatus,
    Outcome,
    SubmissionKind,
)
from contracts.zone import day_only
from intake.stated import Form, Identity, Problem, Statement, age_band, completed_years, faults


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stated and what follows from the identity: size and ages, never a date of birth."""

    stated: Statement
    size: int
    age_bands: Mapping[AgeBand, int]

    @property
    def district(self) -> str | None:
        """The first five digits of the municipality's AGS, else the district that is stated."""
        return self.stated.municipality[:5] if self.stated.municipality else self.stated.district


@dataclass(frozen=True, slots=True)
class Household:
    """A household as intake knows it, its identity apart.

    `home` is its partition for life, `version` the centre's own number of the newest offer applied, `forms`
    the digests of every form accepted for it, `person_digest` the digest of its persons, `allotted` whether
    it has its municipality from a district. `facts` and `reference` end with erasure.
    """

    id: UUID
    home: int
    centre: str
    reference: str | None
    registered_at: datetime
    changed_at: datetime
    revision: int = 1
    status: HouseholdStatus = HouseholdStatus.ACTIVE
    change: HouseholdChange = HouseholdChange.REGISTERED
    version: int | None = None
    facts: Facts | None = None
    forms: frozenset[bytes] = frozenset()
    person_digest: bytes | None = None
    allotted: bool = False

    @property
    def is_lost(self) -> bool:
        """Erased by a restore that did not know the household: no change of its own, so it keeps the one heard of."""
        return self.status is HouseholdStatus.ERASED and self.change is not HouseholdChange.ERASED


@dataclass(frozen=True, slots=True)
class Offer:
    """One request of a centre, read: `digest` is the form's, `person_digest` that of the persons in it.

    `by_hand` is what a person filled in on a page that takes each form once: it is no earlier form that comes again.
    One that is `overtaken` was parked until something newer was decided on its reference.
    """

    kind: SubmissionKind
    reference: str | None
    version: int | None = None
    form: Form = field(default_factory=Form)
    digest: bytes = b""
    person_digest: bytes | None = None
    by_hand: bool = False
    overtaken: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """What is known where an offer is decided: whose it is, the time, the municipalities that exist."""

    centre: str
    now: datetime
    today: date
    municipalities: frozenset[str]
    home: Callable[[UUID, str | None], int]


@dataclass(frozen=True, slots=True)
class Changed:
    """The offer holds: the household's next revision, and its identity where that is new."""

    outcome: Outcome
    household: Household
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The offer says nothing new: the household stays as it is."""

    household: Household


@dataclass(frozen=True, slots=True)
class Rejection:
    """The offer does not hold, with every reason."""

    problems: tuple[Problem, ...]
    household: Household | None = None


Decision = Changed | Duplicate | Rejection
CORRECTABLE = frozenset({HouseholdStatus.ACTIVE, HouseholdStatus.HANDED_OVER})


def decide(offer: Offer, known: Household | None, on_file: Identity | None, desk: Desk, new_id: UUID) -> Decision:
    """What an offer makes of the household known by its reference.

    `on_file` is that household's identity, needed only for a correction that states none; `new_id` is
    taken if the household is new.
    """
    if offer.overtaken and not _has_version(offer, known):
        return Rejection((Problem("", "overtaken"),), known)
    match offer.kind:
        case SubmissionKind.REGISTER:
            return _register_again(offer, known, on_file, desk) if known else register(offer, desk, new_id)
        case SubmissionKind.CORRECT:
            return correct(offer, known, on_file, desk)
        case SubmissionKind.WITHDRAW | SubmissionKind.DEPART:
            return leave(offer, known, desk)
        case _:
            assert_never(offer.kind)


def register(offer: Offer, desk: Desk, new_id: UUID) -> Changed | Rejection:
    """A new household, or every fault of its form."""
    form = _complete(offer.form)
    problems = faults(form, desk.today, desk.municipalities)
    if problems or offer.reference is None or form.facts is None or form.identity is None:
        return Rejection(problems or (Problem("/reference", "missing"),))
    facts = derive(form.facts, form.identity)
    household = Household(
        id=new_id,
        home=desk.home(new_id, facts.district),
        centre=desk.centre,
        reference=offer.reference,
        registered_at=desk.now,
        changed_at=desk.now,
        status=_status(facts),
        change=HouseholdChange.HANDED_OVER if form.facts.unaccompanied_minor else HouseholdChange.REGISTERED,
        version=offer.version,
        facts=facts,
        forms=frozenset({offer.digest}),
        person_digest=offer.person_digest,
    )
    return Changed(Outcome.ACCEPTED, household, form.identity)


def correct(offer: Offer, known: Household | None, on_file: Identity | None, desk: Desk) -> Decision:
    """The household with new facts, persons or both; what the offer leaves out stays."""
    if known is None:
        return Rejection((*offer.form.faults, Problem("/reference", "unknown_reference")))
    if _is_old(offer, known):
        return Duplicate(known)
    if known.status not in CORRECTABLE:
        return Rejection((*offer.form.faults, Problem("", "not_active")), known)
    return _apply(offer, known, on_file, desk)


LEAVING = {
    SubmissionKind.WITHDRAW: (Outcome.WITHDRAWN, HouseholdStatus.WITHDRAWN, HouseholdChange.WITHDRAWN),
    SubmissionKind.DEPART: (Outcome.DEPARTED, HouseholdStatus.DEPARTED, HouseholdChange.DEPARTED),
}
"""How a centre can end a household's stay: its registration is taken back, or it has left."""


def leave(offer: Offer, known: Household | None, desk: Desk) -> Decision:
    """The household's stay ends, in one of the ways of LEAVING."""
    outcome, status, change = LEAVING[offer.kind]
    if known is None:
        return Rejection((*offer.form.faults, Problem("/reference", "unknown_reference")))
    if known.status is status or _is_stale(offer, known):
        return Duplicate(known)
    if offer.form.faults:
        return Rejection(offer.form.faults, known)
    if known.status is not HouseholdStatus.ACTIVE:
        return Rejection((Problem("", "not_active"),), known)
    return Changed(outcome, _next(known, offer, desk, status, change))


def erase(known: Household, now: datetime) -> Household:
    """The last state: what was said of the household goes; its centre and its day of registration are counted on."""
    return replace(
        known,
        reference=None,
        revision=known.revision + 1,
        status=HouseholdStatus.ERASED,
        change=HouseholdChange.ERASED,
        registered_at=day_only(known.registered_at),
        changed_at=now,
        version=None,
        facts=None,
        forms=frozenset(),
        person_digest=None,
    )


def derive(stated: Statement, identity: Identity) -> Facts:
    """Size and age bands (completed years on the day of arrival) of persons whose form has no fault."""
    assert stated.arrived_on is not None
    bands: Counter[AgeBand] = Counter()
    for person in identity.persons:
        assert person.birth_date is not None
        bands[age_band(completed_years(person.birth_date, stated.arrived_on))] += 1
    return Facts(stated, len(identity.persons), {band: bands[band] for band in AgeBand if bands[band]})


def _register_again(offer: Offer, known: Household, on_file: Identity | None, desk: Desk) -> Decision:
    """A reference used twice: a resend, a newer version of it, or a slip that would overwrite a family."""
    if _is_old(offer, known):
        return Duplicate(known)
    if offer.version is None:
        code = "reference_taken" if known.status in CORRECTABLE else "reference_ended"
        return Rejection((*offer.form.faults, Problem("/reference", code)), known)
    return _apply(replace(offer, form=_complete(offer.form)), known, on_file, desk)


def _apply(offer: Offer, known: Household, on_file: Identity | None, desk: Desk) -> Changed | Rejection:
    keeps = _keeps_allotment(offer.form.facts, known)
    form = replace(
        offer.form,
        facts=_stated(offer.form.facts, known, keeps),
        identity=offer.form.identity or on_file,
    )
    problems = faults(form, desk.today, _municipalities(desk, known))
    if not problems and offer.form.facts is None and offer.form.identity is None:
        problems = (Problem("", "nothing_stated"),)
    if problems or form.facts is None or form.identity is None:
        return Rejection(problems or _complete(form).faults, known)
    facts = derive(form.facts, form.identity)
    status = _status(facts)
    corrected = replace(
        _next(known, offer, desk, status, _change(known, status, facts)),
        facts=facts,
        forms=known.forms | {offer.digest},
        person_digest=offer.person_digest or known.person_digest,
        allotted=keeps,
    )
    return Changed(Outcome.CORRECTED, corrected, offer.form.identity)


def _municipalities(desk: Desk, known: Household) -> frozenset[str]:
    """Those that exist, and the one that the household has: what is stated of it once more stays true."""
    own = known.facts.stated.municipality if known.facts else None
    return desk.municipalities | {own} if own else desk.municipalities


def _keeps_allotment(new: Statement | None, known: Household) -> bool:
    """Whether the municipality is still the one that a district has allotted.

    It does not go because a centre leaves it out, but if another is stated, or another district, or when the stay ends.
    """
    if not known.allotted or known.facts is None or known.status not in CORRECTABLE:
        return False
    municipality, district = known.facts.stated.municipality, known.facts.district
    if new is None or new.municipality == municipality:
        return True
    return new.municipality is None and new.district in {None, district}


def _stated(new: Statement | None, known: Household, keeps_allotment: bool) -> Statement | None:
    """What holds after a correction."""
    before = known.facts.stated if known.facts else None
    if new is None or before is None:
        return new or before
    if keeps_allotment:
        return replace(new, municipality=before.municipality, allotted_on=new.allotted_on or before.allotted_on)
    return new


def _next(known: Household, offer: Offer, desk: Desk, status: HouseholdStatus, change: HouseholdChange) -> Household:
    return replace(
        known,
        revision=known.revision + 1,
        status=status,
        change=change,
        changed_at=desk.now,
        version=offer.version if offer.version is not None else known.version,
    )


def _is_old(offer: Offer, known: Household) -> bool:
    if _has_version(offer, known):
        return _is_stale(offer, known)
    # A field that could not be read is missing in the digest.
    return not offer.by_hand and not offer.form.faults and offer.digest in known.forms


def _is_stale(offer: Offer, known: Household) -> bool:
    return offer.version is not None and known.version is not None and offer.version <= known.version


def _has_version(offer: Offer, known: Household | None) -> bool:
    """Whether versions say which of the two is newer."""
    return offer.version is not None and known is not None and known.version is not None


def _complete(form: Form) -> Form:
    """A form with a fault for each part that is absent rather than unreadable."""
    at = {problem.pointer for problem in form.faults}
    absent = [
        Problem(pointer, "missing")
        for pointer, part in (("/facts", form.facts), ("/identity", form.identity))
        if part is None and not any(one == pointer or one.startswith(f"{pointer}/") for one in at)
    ]
    return replace(form, faults=(*form.faults, *absent))


def _status(facts: Facts) -> HouseholdStatus:
    """Unaccompanied minors go to youth welfare and are never matched."""
    return HouseholdStatus.HANDED_OVER if facts.stated.unaccompanied_minor else HouseholdStatus.ACTIVE


def _change(known: Household, status: HouseholdStatus, facts: Facts) -> HouseholdChange:
    if status is HouseholdStatus.HANDED_OVER:
        return HouseholdChange.HANDED_OVER
    if known.status is not HouseholdStatus.ACTIVE:
        return HouseholdChange.REGISTERED
    if known.facts and known.facts.stated.municipality != facts.stated.municipality:
        return HouseholdChange.MOVED
    return HouseholdChange.CORRECTED
