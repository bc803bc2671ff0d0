"""What is being waited for: live lines on a terminal, one line per finished step everywhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Step:
    """One thing that takes time; its bar appears as soon as its size is known."""

    def __init__(self, live: Progress, task: TaskID) -> None:
        self._live = live
        self._task = task
        self.outcome = ""

    def size(self, total: float) -> None:
        self._live.update(self._task, total=total)

    def advance(self, amount: float) -> None:
        self._live.advance(self._task, amount)


class Steps:
    """The steps of one run; `Steps(quiet=True)` says nothing, for tests."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(quiet=quiet, highlight=False)
        self._live = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, text: str) -> Iterator[Step]:
        """Show `text` while it runs and, when it ends well, what came of it and how long it took."""
        task = self._live.add_task(text, total=None)
        step = Step(self._live, task)
        begun = time.monotonic()
        try:
            yield step
        finally:
            self._live.remove_task(task)
        self.say(f"  ✓ {text}{step.outcome and ': ' + step.outcome} ({time.monotonic() - begun:.1f} s)")
