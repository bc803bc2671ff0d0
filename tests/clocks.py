"""A time that tests set by hand, in place of the server's."""

from dataclasses import dataclass
from datetime import datetime

from builders import NOW


@dataclass
class SetClock:
    """What time it is for a Database; always the same until a test sets another."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now
