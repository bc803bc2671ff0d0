"""What notifications needs beyond what every process reads: where mail goes."""

from pydantic import SecretStr, field_validator

from chassis import settings
from notifications.mail import server_of


class Settings(settings.Settings):
    """`SMTP_URL` is smtp://, smtps:// or smtp+starttls://, with user and password where the server asks for them."""

    smtp_url: SecretStr = SecretStr("smtp://127.0.0.1:25")
    mail_from: str = "geleit@localhost"
    """The sender of every mail."""

    @field_validator("smtp_url")
    @classmethod
    def _readable(cls, value: SecretStr) -> SecretStr:
        server_of(value.get_secret_value())
        return value
