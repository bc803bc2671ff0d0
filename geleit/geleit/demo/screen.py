"""What a run says at its end: planned and seen, figures, doors, and one household's story."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

from contracts.vocabulary import Answer
from geleit.demo.figures import Figures
from geleit.demo.furnish import Account
from geleit.demo.households import Fate
from geleit.demo.records import Kind, Week

PAGES = {"/intake": "centre", "/matching": "state", "/inbox": "municipality", "/reports": "state"}
"""Each service's pages, and the account that sees most of them."""


def compared(plan: Week, seen: Figures) -> Iterator[str]:
    """What the week planned beside what was seen."""
    kinds = plan.kinds
    declines = sum(wish.answer is Answer.DECLINED for wish in plan.wishes.values())
    rows = [
        ("records offered", len(plan.offers), seen.offered),
        ("households accepted", kinds[Kind.ARRIVAL], seen.accepted),
        ("corrections", kinds[Kind.CORRECTION], seen.corrected),
        ("withdrawals", kinds[Kind.WITHDRAWAL], seen.withdrawals),
        ("duplicates", kinds[Kind.DUPLICATE], seen.duplicate),
        ("invalid, rejected", kinds[Kind.INVALID], seen.rejected),
        ("poison, parked", kinds[Kind.POISON], seen.parked),
        ("not eligible", plan.fates.get(Fate.NOT_ELIGIBLE, 0), seen.not_eligible),
        ("handed over to youth welfare", plan.fates.get(Fate.YOUTH_WELFARE, 0), seen.handed_over),
        ("declines, where there was a proposal", declines, seen.declined),
    ]
    yield f"  {'':38} {'planned':>9} {'seen':>9}"
    for what, planned, found in rows:
        yield f"  {what:38} {planned:9} {found:9}"


def told(figures: Figures, reasons: Mapping[str, int]) -> Iterator[str]:
    """Every figure, and why households wait."""
    for field in fields(figures):
        yield f"  {field.name:16} {getattr(figures, field.name)}"
    if reasons:
        yield "  waiting because: " + ", ".join(f"{reason} {households}" for reason, households in reasons.items())


def doors(url: str, accounts: Sequence[Account], zipkin: str | None) -> Iterator[str]:
    """The pages and who may see them; passwords only of accounts that are new."""
    for path, account in PAGES.items():
        yield f"  {url}{path}/  (as {account})"
    if zipkin:
        yield f"  {zipkin}/zipkin/  (traces)"
    if accounts:
        yield "  Accounts, shown this once (`geleit account password NAME` makes a new password):"
    else:
        yield "  The accounts are as before (`geleit account password NAME` makes a new password)."
    for one in accounts:
        yield f"    {one.name:13} {one.password}  ({one.tenant})"
