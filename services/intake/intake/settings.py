"""What a process of intake reads from its environment besides what every process does."""

from pathlib import Path

from pydantic import SecretStr

from chassis import settings


class Settings(settings.Settings):
    """The centres whose submissions are taken are in `centres`, the vault's key is every service's own."""

    intake_private_key: SecretStr | None = None
    intake_private_key_file: Path | None = None
    """JSON of the private JWK that centres' identities are encrypted to, the file wins; without it nothing is taken in.
    """
