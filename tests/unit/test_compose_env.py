"""Nothing in containers starts with a secret that somebody could guess."""

import re
from pathlib import Path

import orjson
import pytest

from chassis.vault import Vault, master_key
from geleit.compose_env import completed, main
from intake.identity import Keys

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")


def values(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


def test_every_secret_is_random_and_fits_its_use() -> None:
    first, second = values(completed(EXAMPLE, {})), values(completed(EXAMPLE, {}))
    secret = [name for name in first if name.endswith(("_PASSWORD", "_KEY"))]
    assert len({first[name] for name in secret}) == len(secret)
    assert not [name for name in secret if first[name] == second[name] or len(first[name]) < 32]
    master = first["INTAKE_VAULT_MASTER_KEY"]
    Vault(master_key(master, None))
    Keys(master_key(master, None), orjson.loads(first["INTAKE_PRIVATE_KEY"].strip("'")))


def test_what_is_there_stays_and_what_is_new_is_added() -> None:
    before = {"POSTGRES_PASSWORD": "from last year", "HTTP_PORT": "80", "OURS": "kept"}
    after = values(completed(EXAMPLE, before))
    assert before.items() <= after.items()
    assert after["KAFKA_ADMIN_PASSWORD"]


def test_the_example_has_no_secret_and_every_variable_that_compose_asks_for() -> None:
    files = ("docker-compose.yml", "deploy/observe/compose.yml")
    compose = "".join((ROOT / file).read_text("utf-8") for file in files)
    required = set(re.findall(r"(?<!\$)\$\{(\w+):\?", compose))
    secret = {name for name in re.findall(r"(?<!\$)\$\{(\w+)", compose) if name.endswith(("_PASSWORD", "_KEY"))}
    # The whole file would be refused without Grafana's, also by who does not run it: its container asks for it.
    assert secret - {"GRAFANA_PASSWORD"} == required
    example = values(EXAMPLE)
    assert {name: example[name] for name in secret} == dict.fromkeys(secret, "")


def test_the_file_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env.example").write_text(EXAMPLE)
    main(tmp_path)
    first = (tmp_path / ".env").read_text()
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    main(tmp_path)
    assert (tmp_path / ".env").read_text() == first
