"""What the command line reads from its environment."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from geleit.probe import LOOPBACK


class Settings(BaseSettings):
    """Addresses that are given win over the embedded parts; `Settings()` reads them from the environment."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, env_ignore_empty=True)

    geleit_state_dir: Path = Path(".geleit")
    """Everything that survives a restart: the databases, the topics, logs, caught mail, keys."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Where the pages are served, on the loopback address."""
    public_url: str | None = None
    """Where people reach the pages, if not directly."""
    tracing: bool = False
    """Run the embedded Zipkin and send it every span."""
    database_url: str | None = None
    kafka_bootstrap_servers: str | None = None
    smtp_url: str | None = None

    @property
    def state_dir(self) -> Path:
        return self.geleit_state_dir.resolve()

    @property
    def url(self) -> str:
        """Where people reach the pages."""
        return self.public_url or f"http://{LOOPBACK}:{self.port}"
