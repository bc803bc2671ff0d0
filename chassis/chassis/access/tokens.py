"""Secrets of 256 random bits: made once, kept only as digests."""

import base64
import hashlib
import secrets

KEY_PREFIX = "glt_"
_SHOWN = len(KEY_PREFIX) + 8


def new_token() -> str:
    """A session's token: 43 characters, 256 bits."""
    return secrets.token_urlsafe(32)


def new_key() -> str:
    """An API key: a recognisable prefix (secret scanners look for one) and 256 bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def shown_prefix(key: str) -> str:
    """The part of a key that lists may show: 48 of its bits, the other 208 stay secret."""
    return key[:_SHOWN]


def digest(token: str) -> bytes:
    """What is stored of a token: SHA-256 is enough, for nobody guesses 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


def csrf_token(session_token: str) -> str:
    """The anti-forgery token of a session, derived from its secret so that nothing need be stored."""
    value = hashlib.sha256(b"geleit csrf\0" + session_token.encode()).digest()
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
