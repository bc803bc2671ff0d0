"""What a centre's software sends in one request: arrivals in uploads of several, everything else alone."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from geleit.demo.records import Kind, Offer

MOST = 20
"""Arrivals after which a centre uploads: more at once would hardly be cheaper."""

Turn = tuple[Offer, ...]


def turns(offers: Sequence[Offer], alone: Collection[str]) -> Iterator[Turn]:
    """The requests in their order; arrivals whose reference is in `alone` wait for no other.

    An arrival is uploaded before anything that builds on it: who takes turns in this order waits for no later one.
    """
    collected: defaultdict[str, list[Offer]] = defaultdict(list)
    for one in offers:
        its = collected[one.centre]
        if one.kind is Kind.ARRIVAL and one.reference not in alone:
            its.append(one)
            if len(its) == MOST:
                yield tuple(collected.pop(one.centre))
            continue
        if any(other.reference == one.reference for other in its):
            yield tuple(collected.pop(one.centre))
        yield (one,)
    yield from (tuple(its) for its in collected.values() if its)
