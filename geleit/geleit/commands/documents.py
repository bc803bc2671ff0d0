"""The committed documents that describe the outside: JSON Schemas, AsyncAPI, OpenAPI."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

import contracts
from contracts.asyncapi import document
from contracts.compatibility import STATES, as_text, breaks, committed, schema_of
from geleit.failures import Failure
from geleit.services import all_services

_PLACEHOLDERS = {"DATABASE_URL": "postgresql://", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"}
"""Describing the services needs their settings, and no address in them is used."""

app = typer.Typer()


@app.command()
def schemas(check: Annotated[bool, typer.Option(help="write nothing; fail if a file is not current")] = False) -> None:
    """Write the JSON Schemas, AsyncAPI and OpenAPI documents of the code; refuses a schema that did not only grow."""
    _refuse_breaks()
    stale = [file for file, text in _documents() if not file.is_file() or file.read_text("utf-8") != text]
    if check and stale:
        raise Failure("Not current: " + ", ".join(file.name for file in stale) + ". Run `geleit schemas`.")
    for file, text in [] if check else _documents():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    typer.echo("all current" if not stale else f"wrote {len(stale)}")


def _refuse_breaks() -> None:
    for state in STATES:
        if (baseline := committed(state)) is not None and (found := breaks(baseline, schema_of(state))):
            raise Failure(
                f"{state.ce_type} no longer reads every record ever written: {'; '.join(found)}. "
                "Make a new version of the type instead."
            )


def _documents() -> Iterator[tuple[Path, str]]:
    from chassis.web import openapi_of  # noqa: PLC0415 - other commands need no pages

    package = Path(contracts.__file__).parent
    for state in STATES:
        yield package / "schemas" / f"{state.ce_type}.json", as_text(schema_of(state))
    docs = Path(__file__).parents[3] / "docs" / "api"
    yield docs / "asyncapi.json", _text(document())
    for name, value in _PLACEHOLDERS.items():
        os.environ.setdefault(name, value)
    for service in all_services():
        if service.web is not None:
            yield docs / f"{service.name}.openapi.json", _text(openapi_of(service))


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
