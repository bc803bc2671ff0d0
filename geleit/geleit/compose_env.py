"""`python -m geleit.compose_env`: writes .env for docker-compose.yml, with a random secret wherever one is empty."""

import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

import orjson

from chassis.vault import new_master_key
from geleit.processes import write_atomically
from intake.identity import new_private_key


def main(folder: Path) -> None:
    """Complete `folder`'s .env by its .env.example; what has a value keeps it."""
    file = folder / ".env"
    kept = _values(file.read_text("utf-8")) if file.exists() else {}
    example = (folder / ".env.example").read_text("utf-8")
    write_atomically(file, completed(example, kept))
    sys.stdout.write(
        f"{file} is complete. Keep a copy of it, apart from the backups: with both, every name can be read.\n"
    )


def completed(example: str, kept: Mapping[str, str]) -> str:
    """The example's text with the values that are kept, secrets where there is none, and at the end what it lacks."""
    left = dict(kept)
    lines: list[str] = []
    for line in example.splitlines():
        name, is_variable, value = line.partition("=")
        if is_variable and not line.startswith("#"):
            value = left.pop(name, "") or value or secret(name)
            line = f"{name}={value}"  # noqa: PLW2901
        lines.append(line)
    lines.extend(f"{name}={value}" for name, value in left.items())
    return "\n".join(lines) + "\n"


def secret(name: str) -> str:
    """A new secret of the kind that the variable's name asks for, as .env quotes it; empty if it asks for none."""
    match name.rsplit("_", 2):
        case [*_, "PASSWORD"]:
            return secrets.token_urlsafe(24)
        case [*_, "MASTER", "KEY"]:
            return new_master_key()
        case [*_, "PRIVATE", "KEY"]:
            return f"'{orjson.dumps(orjson.loads(new_private_key())).decode()}'"
        case _:
            return ""


def _values(text: str) -> dict[str, str]:
    lines = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name: value for name, _, value in lines}


if __name__ == "__main__":
    main(Path.cwd())
