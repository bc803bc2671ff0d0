"""One docker-compose.yml as a project of its own, and Geleit as people and programs reach it through the door."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from e2e.world import HOUSEHOLDS, address_of, key_header, read_mail, registration, roster_csv
from geleit.compose_env import completed
from geleit.probe import free_port
from intake.generate import generate
from stream import eventually

ROOT = Path(__file__).parents[2]
SERVICES = ("intake", "matching", "notifications", "reporting")
CENTRE = "karlsruhe"
UNITS_PER_FTE = 1200
A_HOUSEHOLD = 25
"""Units of a household of two."""
HEALS_WITHIN = 90.0

# The catcher is aiosmtpd itself, mounted from this environment: no image has what only tests need.
_CATCHER = ("aiosmtpd", "public", "attr", "attrs")


class Stack:
    """A compose project with ports, secrets and volumes of its own."""

    def __init__(self, folder: Path, *, tag: str, tree: Path = ROOT, name: str | None = None) -> None:
        self.tree, self.tag, self.folder = tree, tag, folder
        self.name = name or f"geleit-test-{uuid4().hex[:8]}"
        self.mail_dir = folder / "mail"
        self.env_file = folder / "env"
        self.overlay = folder / "overlay.json"
        self.http_port, self.kafka_port, self.prometheus_port = free_port(), free_port(), free_port()
        self._prepare()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def _prepare(self) -> None:
        self.mail_dir.mkdir(parents=True, exist_ok=True)
        self.mail_dir.chmod(0o777)
        given = {
            "HTTP_PORT": str(self.http_port),
            "KAFKA_PORT": str(self.kafka_port),
            "PROMETHEUS_PORT": str(self.prometheus_port),
            "PUBLIC_URL": self.url,
            "SMTP_URL": "smtp://mail:1025",
            "TRUSTED_PROXIES": "0.0.0.0/0",
            "GELEIT_TAG": self.tag,
        }
        self.env_file.write_text(completed((self.tree / ".env.example").read_text(), given))
        self.env_file.chmod(0o600)
        self.overlay.write_text(json.dumps({"services": {"mail": self._mail()}}))

    def _mail(self) -> Mapping[str, Any]:
        # Of pure Python, so what this environment has runs under the image's version too.
        found = [spec.submodule_search_locations for name in _CATCHER if (spec := find_spec(name))]
        sources = [Path(places[0]) for places in found if places]
        serve = ("-n", "-u", "-l", "0.0.0.0:1025", "-c", "aiosmtpd.handlers.Mailbox", "/mail/box")
        return {
            "image": "python:3.13-slim",
            "command": ["python", "-m", "aiosmtpd", *serve],
            "environment": {"PYTHONPATH": "/catcher", "PYTHONDONTWRITEBYTECODE": "1"},
            "volumes": [f"{self.mail_dir}:/mail", *(f"{at}:/catcher/{at.name}:ro" for at in sources)],
        }

    def compose(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run docker compose on this project; its output. Raises AssertionError with it if that fails."""
        command = ["docker", "compose", "-p", self.name, "--env-file", str(self.env_file)]
        command += ["-f", str(self.tree / "docker-compose.yml"), "-f", str(self.overlay), *arguments]
        # What this shell has set must not win over the project's own file.
        env = {name: value for name, value in os.environ.items() if name not in self.variables()}
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=env, timeout=500)
        assert not check or done.returncode == 0, f"{' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def variables(self) -> dict[str, str]:
        lines = [line.split("=", 1) for line in self.env_file.read_text().splitlines() if line[:1] not in {"", "#"}]
        return {name: value.strip("'") for name, value in lines}

    def sets(self, **given: str) -> None:
        """Give variables of .env another value."""
        self.env_file.write_text(completed(self.env_file.read_text(), given))

    def becomes(self, tag: str, tree: Path) -> None:
        """Take another tree's compose file and images, and the variables that it adds."""
        quoted = {name: f"'{value}'" for name, value in self.variables().items() if value}
        self.tree, self.tag = tree, tag
        self.env_file.write_text(completed((tree / ".env.example").read_text(), {**quoted, "GELEIT_TAG": tag}))

    def up(self, *more: str) -> None:
        self.compose("up", "-d", "--wait", *more)

    def geleit(self, *arguments: str, stdin: str | None = None) -> str:
        """Run the command line in its own container; a file is given as /dev/stdin."""
        return self.compose("run", "--rm", "-T", "geleit", *arguments, stdin=stdin)

    def containers(self, service: str) -> list[dict[str, Any]]:
        """What Docker knows of the running containers of a service."""
        ids = self.compose("ps", "-q", service).split()
        return list(json.loads(docker("inspect", *ids))) if ids else []

    def crash(self, service: str) -> None:
        """Kill the first container as a fault would; `docker kill` would count as a wish to have it stopped."""
        os.kill(self.containers(service)[0]["State"]["Pid"], signal.SIGKILL)

    def is_healthy(self, service: str) -> bool:
        states = [one["State"] for one in self.containers(service)]
        return bool(states) and all(state.get("Health", {}).get("Status") == "healthy" for state in states)

    async def healed(self, *services: str) -> None:
        """Wait until every container of these services says that it is healthy."""

        async def all_healthy() -> bool:
            return all(self.is_healthy(service) for service in services)

        await eventually(all_healthy, within=HEALS_WITHIN)

    def remove(self) -> None:
        """Containers, volumes and networks are gone; what the containers said is kept beside the state."""
        logs = ROOT / ".geleit" / "containers"
        logs.mkdir(parents=True, exist_ok=True)
        (logs / f"{self.name}.log").write_text(self.compose("logs", "--no-color", check=False))
        self.compose("--profile", "observe", "down", "-v", "--remove-orphans", "-t", "5", check=False)


class Town:
    """A municipality of the installation, with its program's key."""

    def __init__(self, ags: str, program: httpx.AsyncClient) -> None:
        self.ags, self.program = ags, program

    async def item(self, household: str) -> dict[str, Any]:
        """The open inbox item of a household."""

        async def shown() -> Any:
            answer = await self.program.get(f"/inbox/v1/assignments/{household}")
            item = answer.json()["items"][0] if answer.is_success else None
            return item if item and item["status"] == "open" else None

        return dict(await eventually(shown, within=60))


class Installation:
    """A Geleit in containers with register, towns, managers and keys, all made by its own command line."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._codes = count(1)
        self._towns = iter(sorted(one.ags for one in generate()))
        self.centre: httpx.AsyncClient
        self.state: httpx.AsyncClient

    def furnish(self) -> "Installation":
        self.stack.geleit("register", "generate")
        self.centre = self.client("centre", CENTRE)
        self.state = self.client("state", "08")
        return self

    def client(self, role: str, tenant: str) -> httpx.AsyncClient:
        """A program with a key of its own."""
        told = self.stack.geleit("key", "issue", "--role", role, "--tenant", tenant, "--label", "test")
        headers = {"Authorization": f"Bearer {told.split()[-1]}"}
        return httpx.AsyncClient(base_url=self.stack.url, headers=headers, trust_env=False, timeout=30)

    def town(self, *rooms: int) -> Town:
        """A town that nobody else has, with a manager for each number of households that there is room for."""
        ags = next(self._towns)
        rows = [
            {
                "code": f"m{next(self._codes)}",
                "name": "Ada Muster",
                "provider": f"town-{ags}",
                "fte": "1",
                "languages": "de uk",
                "skills": "",
                "service_area": ags,
                "base_load": str(UNITS_PER_FTE - room * A_HOUSEHOLD),
            }
            for room in rooms
        ]
        self.stack.geleit("roster", "import", "/dev/stdin", stdin=roster_csv(rows))
        self.stack.geleit("contacts", "import", "/dev/stdin", stdin=f"ags;address\n{ags};{address_of(ags)}\n")
        return Town(ags, self.client("municipality", ags))

    async def registered(self, town: Town) -> str:
        """The id of a new household of this town; asked again while the door says that nobody is there."""
        form, key = registration(town.ags), key_header()

        async def taken() -> str | None:
            try:
                answer = await self.centre.post(HOUSEHOLDS, json=form, headers=key)
            except httpx.TransportError:
                return None
            assert answer.status_code in {200, 202, 503}, answer.text
            return str(UUID(answer.json()["id"])) if answer.is_success else None

        return str(await eventually(taken, within=HEALS_WITHIN))

    async def care(self, household: str, *statuses: str) -> dict[str, Any]:
        """The care that the centre is shown, once it has one of the statuses."""

        async def shown() -> Any:
            try:
                answer = await self.centre.get(f"{HOUSEHOLDS}/{household}")
            except httpx.TransportError:
                return None
            care = answer.json().get("care") if answer.is_success else None
            return care if care and care["status"] in statuses else None

        return dict(await eventually(shown, within=HEALS_WITHIN))

    async def goes_all_the_way(self, town: Town) -> str:
        """A household is registered, proposed, mailed, accepted and counted; its id."""
        household = await self.registered(town)
        item = await town.item(household)
        answers = f"/inbox/v1/assignments/{household}/answers"
        accepted = await town.program.post(answers, json={"item": item["item"], "answer": "accepted"})
        assert accepted.is_success, accepted.text
        assert (await self.care(household, "confirmed"))["manager"] == item["manager"]

        async def mailed() -> bool:
            return any(household in mail for mail in self.mails())

        await eventually(mailed, within=60)
        return household

    async def figures(self, town: Town) -> Mapping[str, int]:
        """What reporting counts in the town's district."""
        answer = await self.state.get("/reports/v1/figures", params={"district": town.ags[:5]})
        assert answer.is_success, answer.text
        return dict(answer.json()["cohort"])

    def mails(self) -> list[str]:
        """Everything that the mail server has taken."""
        return [read_mail(file).get_content() for file in (self.stack.mail_dir / "box" / "new").glob("*")]


def docker(*arguments: str) -> str:
    """Run docker; its output."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, timeout=500).stdout


def build(tag: str, tree: Path = ROOT) -> None:
    """Build every image of a tree."""
    env = {**os.environ, "GELEIT_TAG": tag, **dict.fromkeys(required(tree), "built without it")}
    command = ["docker", "compose", "-f", str(tree / "docker-compose.yml"), "--profile", "cli", "build", "-q"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr


def required(tree: Path) -> list[str]:
    """The secrets without which nothing starts."""
    names = (line.partition("=")[0] for line in (tree / ".env.example").read_text().splitlines())
    return [name for name in names if name.endswith(("_PASSWORD", "_KEY"))]


@contextmanager
def removed_at_the_end(stack: Stack) -> Iterator[Stack]:
    try:
        yield stack
    finally:
        stack.remove()
