"""The quota ledger of a district: whose turn it is to take in a household, by the population key with debt and credit.

The rule is the quota method: of the municipalities that may take one more without leaving their quota, the one that
must take one soonest. M. L. Balinski and H. P. Young, The quota method of apportionment, American Mathematical Monthly
82 (1975) 701-730; J. W. Still, A class of new methods for Congressional apportionment, SIAM Journal on Applied
Mathematics 37 (1979) 401-418; as a schedule by earliest deadline, R. Tijdeman, The chairman assignment problem,
Discrete Mathematics 32 (1980) 323-330. The largest debt first, which comes to mind before, does not keep the quota.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256

from contracts.vocabulary import HouseholdStatus

WHOLE = 1_000_000
"""Parts of a household: what a balance is carried in when the key changes."""

COUNTED = frozenset({HouseholdStatus.ACTIVE, HouseholdStatus.DEPARTED})
"""Households that a municipality has taken in; a registration that was withdrawn never came."""


@dataclass(frozen=True, slots=True)
class Account:
    """A municipality in the ledger; key = AGS.

    `allotted` counts its households now, `before` those of them that were there when its key last changed, and
    `opening` is its balance of then, in millionths of a household.
    """

    ags: str
    population: int
    allotted: int = 0
    before: int = 0
    opening: int = 0

    @property
    def since(self) -> int:
        """Households allotted under today's key."""
        return self.allotted - self.before


@dataclass(frozen=True, slots=True)
class Ledger:
    """The accounts of one district, whose AGS seeds the order of equals."""

    district: str
    accounts: tuple[Account, ...]

    @property
    def since(self) -> int:
        """Households allotted under today's key, in the whole district."""
        return sum(one.since for one in self.accounts)

    @property
    def population(self) -> int:
        """Of the district."""
        return sum(one.population for one in self.accounts)

    def share(self, account: Account) -> Fraction:
        """What a municipality takes in of every household, 0 to 1."""
        return Fraction(account.population, self.population or 1)

    def balance(self, account: Account) -> Fraction:
        """Households a municipality owes (above 0) or has taken in beyond its due (below)."""
        return self.share(account) * self.since - account.since + Fraction(account.opening, WHOLE)

    def due(self, account: Account) -> Fraction:
        """Households a municipality should have by now."""
        return account.allotted + self.balance(account)


def propose(ledger: Ledger, households: int) -> list[str]:
    """The municipalities (AGS) of the next households, in their order; none if nobody lives in the district.

    From balances of 0 no municipality is ever a whole household off its due, after any of them. From other
    balances (a person chose otherwise, the key changed) this holds once the due of those who had too many has
    caught up with what they have; until then they get none.
    """
    living = [one for one in ledger.accounts if one.population]
    whole = ledger.population * WHOLE
    owed = {one.ags: int(ledger.balance(one) * whole) for one in living}
    counts = {one.ags: one.allotted for one in living}
    proposed: list[str] = []
    for _ in range(households if living else 0):
        for one in living:
            owed[one.ags] += one.population * WHOLE
        # Nobody may be left only where a person or a new key has moved the balances.
        open_to = [one for one in living if owed[one.ags] > 0] or living
        turn = min(open_to, key=lambda one: _turn(ledger, one, counts[one.ags], whole - owed[one.ags])).ags
        owed[turn] -= whole
        counts[turn] += 1
        proposed.append(turn)
    return proposed


def _turn(ledger: Ledger, account: Account, allotted: int, lacking: int) -> tuple[Fraction, int, bytes]:
    """Sorts by how soon a whole household is due, then by the largest remainder, then by lots.

    `lacking` is what the remainder lacks of a household, in parts of (population of the district x WHOLE).
    """
    lot = sha256(f"{ledger.district}/{account.ags}/{allotted}".encode()).digest()
    return Fraction(lacking, account.population), lacking, lot


def book(ledger: Ledger, ags: str) -> Ledger:
    """The ledger after a household went to a municipality, whoever chose it."""
    after = (replace(one, allotted=one.allotted + 1) if one.ags == ags else one for one in ledger.accounts)
    return replace(ledger, accounts=tuple(after))


def rekey(ledger: Ledger, populations: Mapping[str, int], allotted: Mapping[str, int]) -> Ledger:
    """The ledger under a new key: every municipality keeps its balance, and what was due before is due no more.

    One that joins begins at 0; the balance of one that is dissolved is spread over the others by their shares.
    `allotted` counts the households of those that join.
    """
    kept = {one.ags: one for one in ledger.accounts if one.ags in populations}
    left = sum((ledger.balance(one) for one in ledger.accounts if one.ags not in kept), Fraction())
    whole = sum(populations.values()) or 1
    accounts = []
    for ags, population in sorted(populations.items()):
        one = kept.get(ags)
        count = one.allotted if one else allotted.get(ags, 0)
        carried = (ledger.balance(one) if one else 0) + left * Fraction(population, whole)
        accounts.append(Account(ags, population, count, count, round(carried * WHOLE)))
    return Ledger(ledger.district, tuple(accounts))
