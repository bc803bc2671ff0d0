"""docker-compose.yml from nothing: confined, one door, and it heals from whatever happens to its containers."""

import asyncio
import json
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from containers.stack import CENTRE, ROOT, SERVICES, Installation, Stack, build, docker, removed_at_the_end, required
from stream import eventually

BASE = "python:3.13-slim"
LIBRARIES = "/app/.venv/lib/python3.13/site-packages"
LARGEST = 420_000_000
"""Bytes that an image may have above its base."""
EVERYTHING = ("postgres", "kafka", *SERVICES, "proxy")
TOOLS = ("uv", "gcc", "cc", "make", "node", "npm", "git")


def test_nothing_starts_with_a_secret_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "env").write_text((ROOT / ".env.example").read_text())
    files = ("--env-file", str(tmp_path / "env"), "-f", str(ROOT / "docker-compose.yml"))
    command = ["docker", "compose", *files, "config"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "run make compose-env" in refused.stderr


@pytest.mark.parametrize("service", [*SERVICES, "geleit"])
def test_an_image_holds_what_runs_and_no_more(images: str, service: str) -> None:
    image = f"geleit/{service}:{images}"
    size, base = (int(docker("image", "inspect", "-f", "{{.Size}}", one)) for one in (image, BASE))
    assert size - base <= LARGEST
    run = ["run", "--rm", "--read-only", image]
    assert docker(*run, "id", "-u").strip() != "0"
    asked = f"for tool in {' '.join(TOOLS)}; do command -v $tool; done; true"
    assert docker(*run, "sh", "-c", asked) == ""
    listed = f"import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions(path=['{LIBRARIES}'])))"
    installed = set(re.sub(r"[._]", "-", docker(*run, "python", "-c", listed)).split())
    locked = {line.partition("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line}
    assert installed <= locked


@pytest.mark.parametrize("service", EVERYTHING)
def test_a_container_may_do_little_and_is_started_again(stack: Stack, service: str) -> None:
    (container,) = stack.containers(service)
    host = container["HostConfig"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert {bound["HostIp"] for ports in host["PortBindings"].values() for bound in ports} <= {"127.0.0.1"}
    if service not in {"postgres", "kafka"}:
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
    if service in SERVICES:
        assert container["Config"]["User"] == "geleit"
        # Who installs is somebody else: no service has the owner's password, or another's.
        secrets = {name: value for name, value in stack.variables().items() if name in required(ROOT)}
        own = {value for name, value in secrets.items() if name.startswith(service.upper())}
        told = " ".join(container["Config"]["Env"])
        assert all(value in told for value in own)
        # Whose name stays is given its partitions back at once; replicas have none.
        assert (f"INSTANCE={service}" in container["Config"]["Env"]) == (service != "matching")
        assert not [name for name, value in secrets.items() if value not in own and value in told]


async def test_the_door_shows_pages_and_hides_what_is_inside(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False) as http:
        for path in ("/metrics", "/livez", "/readyz", "/intake/metrics", "/nothing"):
            assert (await http.get(path)).status_code in {401, 404}, path
        page = await http.get("/login")
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_a_session_behind_tls_is_told_to_stay_there(installation: Installation) -> None:
    told = installation.stack.geleit("account", "create", "hof", "--role", "state", "--tenant", "08")
    form = {"name": "hof", "password": told.split()[-1]}
    async with httpx.AsyncClient(base_url=installation.stack.url, trust_env=False) as http:
        by_balancer = await http.post("/login", data=form, headers={"X-Forwarded-Proto": "https"})
        assert "secure" in by_balancer.headers["set-cookie"].lower()
        assert "strict-transport-security" in by_balancer.headers
        in_clear = await http.post("/login", data=form)
        assert "secure" not in in_clear.headers["set-cookie"].lower()


def test_whoever_installs_has_no_key_of_a_vault(stack: Stack) -> None:
    keys = [value for name, value in stack.variables().items() if name.endswith("_KEY")]
    for one_shot in ("migrate", "accounts"):
        (container,) = json.loads(docker("inspect", *stack.compose("ps", "-aq", one_shot).split()))
        told = " ".join(container["Config"]["Env"])
        assert keys
        assert not [key for key in keys if key in told]


async def test_whoever_signs_in_reaches_the_pages_of_every_service(installation: Installation) -> None:
    told = installation.stack.geleit("account", "create", "land", "--role", "state", "--tenant", "08")
    async with httpx.AsyncClient(base_url=installation.stack.url, trust_env=False, follow_redirects=True) as http:
        overview = await http.post("/login", data={"name": "land", "password": told.split()[-1]})
        assert overview.status_code == 200
        for path in ("/matching/", "/matching/roster", "/reports/"):
            assert f'href="{path}"' in overview.text
            page = await http.get(path, headers={"Accept": "text/html"})
            assert page.status_code == 200, path
            assert 'href="/reports/"' in page.text, f"{path} does not lead on"


async def test_a_household_goes_all_the_way_through_the_door(installation: Installation) -> None:
    town = installation.town(4)
    before = await installation.figures(town)
    await installation.goes_all_the_way(town)

    async def counted() -> bool:
        return (await installation.figures(town))["assigned"] == before["assigned"] + 1

    await eventually(counted, within=30)


async def test_two_matchers_share_the_work_and_no_place_is_given_twice(installation: Installation) -> None:
    stack = installation.stack
    stack.sets(MATCHING_REPLICAS="2")
    try:
        stack.up()
        await no_place_is_given_twice(installation)
    finally:
        stack.sets(MATCHING_REPLICAS="1")
        stack.up()


async def no_place_is_given_twice(installation: Installation) -> None:
    assert len(installation.stack.containers("matching")) == 2
    towns = [installation.town(3, 2), installation.town(2, 4)]
    taken = await asyncio.gather(*(installation.registered(town) for town in towns for _ in range(8)))
    cares = await asyncio.gather(*(installation.care(one, "proposed", "waiting") for one in taken))
    assert [one["status"] for one in cares].count("proposed") == 5 + 6
    assert {one["reason"] for one in cares if one["status"] == "waiting"} == {"no_capacity"}


@pytest.mark.parametrize("service", EVERYTHING)
async def test_a_container_that_is_killed_comes_back_and_work_goes_on(installation: Installation, service: str) -> None:
    town = installation.town(2)
    before = installation.stack.containers(service)[0]["RestartCount"]
    installation.stack.crash(service)
    await installation.goes_all_the_way(town)
    await installation.stack.healed(*EVERYTHING)
    assert installation.stack.containers(service)[0]["RestartCount"] == before + 1


async def test_a_restart_of_everything_heals_by_itself(installation: Installation) -> None:
    town = installation.town(2)
    household = await installation.goes_all_the_way(town)
    installation.stack.compose("restart", "-t", "10")
    await installation.goes_all_the_way(town)
    await installation.stack.healed(*EVERYTHING)
    assert (await installation.care(household, "confirmed"))["status"] == "confirmed"


async def test_down_and_up_keeps_what_was_there(installation: Installation) -> None:
    town = installation.town(2)
    household = await installation.goes_all_the_way(town)
    installation.stack.compose("down")
    installation.stack.up()
    assert (await installation.care(household, "confirmed"))["status"] == "confirmed"
    await installation.goes_all_the_way(town)


async def test_a_backup_is_gone_back_to_with_postgresqls_own_tools(installation: Installation) -> None:
    """As docs/operations.md says for images that have none."""
    stack, town = installation.stack, installation.town(4)
    household = await installation.goes_all_the_way(town)
    stack.compose("exec", "-T", "postgres", "pg_dump", "-U", "geleit", "-Fc", "-f", "/tmp/before.dump", "geleit")
    lost = await installation.registered(town)
    await installation.care(lost, "proposed")
    stack.compose("stop", *SERVICES)
    for command in (
        ("dropdb", "-U", "geleit", "--force", "--maintenance-db=postgres", "geleit"),
        ("createdb", "-U", "geleit", "--maintenance-db=postgres", "geleit"),
        ("pg_restore", "-U", "geleit", "--single-transaction", "--dbname=geleit", "/tmp/before.dump"),
    ):
        stack.compose("exec", "-T", "postgres", *command)
    said = stack.compose("run", "--rm", "geleit", "restore")
    assert "Households that their centres have to register again: 1 " in said
    stack.up()
    assert (await installation.care(household, "confirmed"))["status"] == "confirmed"
    await installation.goes_all_the_way(town)


async def test_a_broker_that_is_lost_is_made_anew(installation: Installation) -> None:
    """As docs/operations.md says; a centre's account is gone with it."""
    stack, town = installation.stack, installation.town(2)
    household = await installation.goes_all_the_way(town)
    stack.compose("stop", *SERVICES)
    stack.compose("rm", "-sf", "kafka")
    docker("volume", "rm", f"{stack.name}_kafka-data")
    stack.up("kafka")
    assert "households: " in stack.geleit("restore")
    stack.up()
    stack.geleit("broker", "account", CENTRE)
    assert (await installation.care(household, "confirmed"))["status"] == "confirmed"
    await installation.goes_all_the_way(town)


async def test_an_upgrade_from_the_commit_before_keeps_what_was_there(
    images: str, tree_before: Path, tmp_path: Path
) -> None:
    """Names of containers and volumes stay; only images and compose file change."""
    build("before", tree_before)
    with removed_at_the_end(Stack(tmp_path, tag="before", tree=tree_before)) as stack:
        stack.up()
        installation = Installation(stack).furnish()
        town = installation.town(2)
        household = await installation.goes_all_the_way(town)
        stack.becomes(images, ROOT)
        stack.up()
        assert all(stack.containers(one)[0]["Config"]["Image"] == f"geleit/{one}:{images}" for one in SERVICES)
        assert (await installation.care(household, "confirmed"))["status"] == "confirmed"
        await installation.goes_all_the_way(town)
