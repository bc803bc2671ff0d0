"""Prometheus as it is deployed takes its configuration, and each alert fires when it must, and only then.

Needs Docker with Compose: not part of `make test`.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen
from uuid import uuid4

import httpx
import pytest
import yaml

from containers.stack import SERVICES, Stack
from geleit.probe import free_port
from stream import eventually

OBSERVE = Path(__file__).parents[2] / "deploy" / "observe"
COMPOSE = yaml.safe_load((OBSERVE / "compose.yml").read_text("utf-8"))
ALERTS = yaml.safe_load((OBSERVE / "prometheus" / "alerts.yml").read_text("utf-8"))
IMAGE = COMPOSE["services"]["prometheus"]["image"]

pytestmark = pytest.mark.timeout(300)


def run(*command: str, **env: str) -> str:
    done = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    "arguments", [("check", "config", "prometheus.yml"), ("test", "rules", "alerts_test.yml")], ids=" ".join
)
def test_promtool_has_nothing_against_it(arguments: tuple[str, ...]) -> None:
    mounted = f"{OBSERVE / 'prometheus'}:/etc/prometheus:ro"
    tool = ["--entrypoint", "promtool", "--workdir", "/etc/prometheus", "--tmpfs", "/tmp"]
    assert "SUCCESS" in run("docker", "run", "--rm", "--volume", mounted, *tool, IMAGE, *arguments)


@pytest.mark.parametrize("profile", [(), ("--profile", "observe")], ids=["without the profile", "with it"])
def test_the_file_reads_also_where_nothing_is_set(profile: tuple[str, ...]) -> None:
    found = run("docker", "compose", "-f", str(OBSERVE / "compose.yml"), *profile, "config", "--services").split()
    assert set(found) == (set(COMPOSE["services"]) if profile else set())


@pytest.fixture
def prometheus() -> Iterator[str]:
    """The address of a Prometheus as the file starts it, healthy."""
    port = str(free_port())
    compose = ["docker", "compose", "-p", f"observe-{uuid4().hex[:8]}", "-f", str(OBSERVE / "compose.yml")]
    compose += ["--profile", "observe"]
    try:
        run(*compose, "up", "--detach", "--wait", "--no-deps", "prometheus", PROMETHEUS_PORT=port)
        yield f"http://127.0.0.1:{port}"
    finally:
        run(*compose, "down", "--volumes", "--timeout", "5", PROMETHEUS_PORT=port)


def test_it_becomes_ready_and_has_every_rule(prometheus: str) -> None:
    with urlopen(f"{prometheus}/api/v1/rules") as answer:
        groups = json.load(answer)["data"]["groups"]
    loaded = {rule["name"] for group in groups for rule in group["rules"]}
    assert loaded == {rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]}
    with urlopen(f"{prometheus}/api/v1/status/flags") as answer:
        assert json.load(answer)["data"]["enable-feature"] == "exemplar-storage"


async def test_every_service_of_the_stack_is_scraped(stack: Stack) -> None:
    stack.compose("--profile", "observe", "up", "-d", "--wait", "--no-deps", "prometheus")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{stack.prometheus_port}", trust_env=False) as http:

        async def all_up() -> bool:
            found = (await http.get("/api/v1/query", params={"query": "up"})).json()["data"]["result"]
            return {one["metric"].get("service") for one in found if one["value"][1] == "1"} >= set(SERVICES)

        await eventually(all_up, within=90)
