"""What every process reads from its environment; a service adds its own fields."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_SECRETS = Path("/run/secrets") if Path("/run/secrets").is_dir() else None


class Settings(BaseSettings):
    """Environment variables of a process, by upper-case field name; no field has a secret as default.

    A file in /run/secrets with a field's name, where containers find their secrets, stands for its variable.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, secrets_dir=_SECRETS)

    database_url: str
    """The owner's URL for migrations; a process of a service replaces the user by its own role."""
    database_password: str | None = None
    """Password of the service's roles, where the server asks for one."""
    database_connections: Annotated[int, Field(ge=4, le=100)] = 8
    """In a worker the relay keeps one and an errand's listener another (no service has two errands); a parked record
    that is applied again takes one inside the clock's transaction. Whoever else waits for one holds none."""
    kafka_bootstrap_servers: str
    kafka_username: str | None = None
    """The service's account, where the broker asks for one."""
    kafka_password: SecretStr | None = None
    kafka_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    kafka_tls: bool = False
    kafka_ca_file: Path | None = None
    """PEM of the authority that signed the broker's certificate, if it is not one of the system's."""
    kafka_replicas: Annotated[int, Field(ge=1, le=9)] = 1
    """Copies of each partition of a new topic; with three or more, two must have a record before it counts as sent."""
    centres: Annotated[tuple[str, ...], NoDecode] = ("karlsruhe", "ellwangen", "sigmaringen")
    """Codes of the reception centres, separated by commas: each has two topics of its own."""
    public_url: str = "http://127.0.0.1:8080"
    """Where people reach the pages; the links in mails begin with it."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    log_level: str = "INFO"
    poll_records: Annotated[int, Field(ge=1, le=10_000)] = 4000
    instance: str | None = None
    """Static membership in the consumer group: a restarted instance gets its partitions back at once."""
    vault_master_key: str | None = None
    vault_master_key_file: Path | None = None
    """Base64 of the 32 bytes that wrap every data key; the file wins."""

    @field_validator("centres", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def wrong_variables(error: ValidationError, own: Mapping[str, str] | None = None) -> str:
    """What is wrong with which variable, a line each and never its value; `own` are fields that another one sets."""
    names = own or {}
    return "\n".join(
        f"{names.get(field, field).upper()}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors(include_url=False, include_context=False, include_input=False)
        for field in [str(one["loc"][0])]
    )
