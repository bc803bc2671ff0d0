"""Templates compiled once a session: every test makes its own app, and Jinja's work for it is always the same."""

from typing import Any

from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket


class Compiled(BytecodeCache):
    """In memory; by language, since Jinja computes what is constant in one."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        return super().get_bucket(environment, f"{environment.globals['language']}/{name}", filename, source)

    def load_bytecode(self, bucket: Bucket) -> None:
        if (kept := self._kept.get(bucket.key)) is not None:
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


CACHE = Compiled()


def environment(**options: Any) -> Environment:
    """Jinja's environment with that cache."""
    return Environment(**options, bytecode_cache=CACHE)
