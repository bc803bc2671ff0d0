"""Translations: German beside the English of the source, read from .po files when a process starts."""

import io
from collections.abc import Iterable
from importlib.resources import files

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations


def N_(msgid: str) -> str:  # noqa: N802 (gettext's own name for it)
    """Marks a message for the catalog where it is written; who shows it translates it."""
    return msgid


def load(packages: Iterable[str], language: str) -> NullTranslations:
    """The messages of these packages together; English needs none, it is what the source says."""
    merged = Catalog(locale=language)
    for package in packages:
        for message in catalog(package, language):
            if message.id:
                merged[message.id] = message
    # Compiled in memory: there is no .mo file that could be older than its source.
    compiled = io.BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return Translations(compiled)


def catalog(package: str, language: str) -> Catalog:
    """`<package>/locale/<language>.po`, empty where there is none."""
    source = files(package) / "locale" / f"{language}.po"
    if not source.is_file():
        return Catalog(locale=language)
    return read_po(io.BytesIO(source.read_bytes()), locale=language)
