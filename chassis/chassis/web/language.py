"""Which language a page is in: the cookie's, else the browser's, else German."""

from babel import Locale
from starlette.requests import Request

LANGUAGES = {"de": "Deutsch", "en": "English"}
LANGUAGE_COOKIE = "geleit_language"
# Days come before months here, in English too.
LOCALES = {"de": Locale("de", "DE"), "en": Locale("en", "GB")}


def language_of(request: Request) -> str:
    """`de` or `en`."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return _preferred(request.headers.get("accept-language", "")) or "de"


def _preferred(header: str) -> str | None:
    ranked: list[tuple[float, str]] = []
    for part in header[:200].split(","):
        tag, _, parameter = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        quality = parameter.strip().removeprefix("q=") or "1"
        if language in LANGUAGES and quality.replace(".", "", 1).isdecimal():
            ranked.append((-float(quality), language))
    return min(ranked, key=lambda rank: rank[0])[1] if ranked else None
