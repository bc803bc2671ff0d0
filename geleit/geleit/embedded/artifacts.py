"""The Java archives of the embedded parts: pinned by coordinate and SHA-256, fetched once, checked at every start."""

import asyncio
import fcntl
import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

from jgo.config import GlobalSettings
from jgo.maven import Artifact, MavenContext, PythonResolver

from geleit.failures import Failure
from geleit.progress import Steps

ATTEMPTS = 3


class UntrustedArtifact(Failure):
    """A downloaded archive is not the one that was pinned."""


class DownloadFailed(Failure):
    """An archive could not be fetched."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One archive: `coordinate` is group:artifact:packaging[:classifier]:version, `sha256` is in hexadecimal."""

    coordinate: str
    sha256: str


def pins(name: str) -> tuple[Pin, ...]:
    """What `name.lock` beside this module pins."""
    text = resources.files(__package__).joinpath(f"{name}.lock").read_text()
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return tuple(Pin(coordinate, digest.removeprefix("sha256:")) for coordinate, digest in lines)


def maven() -> MavenContext:
    """The repositories and the cache that the user's own jgo settings name, else Maven's defaults."""
    settings = GlobalSettings.load()
    return MavenContext(
        repo_cache=settings.repo_cache,
        remote_repos=settings.repositories or None,
        timeout=30,
    )


async def archives(name: str, steps: Steps) -> list[Path]:
    """Paths of all pinned archives of `name`, downloaded where missing; raise where one is not what was pinned."""
    given_up = threading.Event()
    work = asyncio.create_task(asyncio.to_thread(_archives, pins(name), name, steps, given_up))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        given_up.set()
        await asyncio.wait([work])
        raise


def _archives(wanted: Sequence[Pin], name: str, steps: Steps, given_up: threading.Event) -> list[Path]:
    context = maven()
    context.repo_cache.mkdir(parents=True, exist_ok=True)
    # Two sessions on a fresh machine must not write the same file.
    with (context.repo_cache / ".geleit.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        artifacts = [(pin, _artifact(context, pin)) for pin in wanted]
        missing = [(pin, artifact) for pin, artifact in artifacts if not _is_pinned(_path(artifact), pin)]
        if missing:
            with steps.step(f"{name}: {len(missing)} archives downloaded") as step:

                @contextmanager
                def count(_filename: str, _size: int) -> Iterator[Callable[[int], None]]:
                    yield lambda _bytes: _raise_if(given_up)

                step.size(len(missing))
                context.resolver = PythonResolver(progress_callback=count)
                with ThreadPoolExecutor(8) as pool:
                    for _ in pool.map(partial(_download, given_up), missing):
                        step.advance(1)
    return [_path(artifact) for _, artifact in artifacts]


def _artifact(context: MavenContext, pin: Pin) -> Artifact:
    group, name, packaging, *classifier, version = pin.coordinate.split(":")
    component = context.project(group, name).at_version(version)
    return component.artifact(classifier=classifier[0] if classifier else "", packaging=packaging)


def _path(artifact: Artifact) -> Path:
    path: Path | None = artifact.cached_path
    assert path is not None
    return path


def _is_pinned(path: Path, pin: Pin) -> bool:
    return path.exists() and sha256(path) == pin.sha256


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(given_up: threading.Event, one: tuple[Pin, Artifact]) -> None:
    pin, artifact = one
    for attempt in range(1, ATTEMPTS + 1):
        _raise_if(given_up)
        _path(artifact).unlink(missing_ok=True)  # cut off by a crash, or not what was pinned
        try:
            artifact.resolve()
        except (OSError, RuntimeError) as error:
            if attempt == ATTEMPTS:
                raise DownloadFailed(f"{pin.coordinate} could not be downloaded: {error}") from error
            continue
        if not _is_pinned(_path(artifact), pin):
            _path(artifact).unlink()
            raise UntrustedArtifact(f"{pin.coordinate} has another SHA-256 than {pin.sha256}")
        return


class _GivenUp(BaseException):
    """Ends a download in its thread, past what retries."""


def _raise_if(given_up: threading.Event) -> None:
    if given_up.is_set():
        raise _GivenUp
