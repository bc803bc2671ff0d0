"""`python -m chassis.web.catalogs check|update`: every message that a page can show has its German words."""

import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from chassis.web.translations import catalog

LANGUAGE = "de"
PACKAGES = ("chassis", "intake", "matching", "notifications", "reporting")
_METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
_OPTIONS = {"**/templates/**.html": {"trimmed": "true", "silent": "false", "extensions": "jinja2.ext.do"}}
_KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
_HEADER = "# German words of {package}; the messages are the English ones of the source.\n"


def extracted(package: str) -> Catalog:
    """All messages in a package's templates and code, but those that chassis has for everybody."""
    found = Catalog(locale=LANGUAGE)
    folder = str(files(package))
    for _, _, message, _, _ in extract_from_dir(folder, _METHODS, _OPTIONS, keywords=_KEYWORDS):
        found.add(message)
    if package != "chassis":
        for known in extracted("chassis"):
            found.delete(known.id)
    return found


def problems(packages: Sequence[str]) -> Iterator[str]:
    """What is missing, left over, unsure, broken, or said in two ways."""
    said: dict[str, tuple[str, str]] = {}
    for package in packages:
        wanted, have = extracted(package), catalog(package, LANGUAGE)
        for message in wanted:
            known = have.get(message.id) if message.id else None
            if message.id and (known is None or not _is_translated(known)):
                yield f"{package}: {message.id!r} has no German words"
        for message in have:
            if not message.id:
                continue
            if wanted.get(message.id) is None:
                yield f"{package}: {message.id!r} is not in the source"
            if message.fuzzy:
                yield f"{package}: {message.id!r} is marked as unsure"
            for error in message.check():
                yield f"{package}: {message.id!r}: {error}"
            elsewhere, words = said.setdefault(str(message.id), (package, str(message.string)))
            if words != str(message.string):
                yield f"{package}: {message.id!r} is said differently in {elsewhere}"


def update(package: str) -> Path:
    """Adds new messages, without words, and drops those that are gone; the file."""
    have, wanted = catalog(package, LANGUAGE), extracted(package)
    for message in wanted:
        known = have.get(message.id) if message.id else None
        if known is not None:
            message.string = known.string
    target = Path(str(files(package))) / "locale" / f"{LANGUAGE}.po"
    target.parent.mkdir(exist_ok=True)
    with target.open("wb") as file:
        file.write(_HEADER.format(package=package).encode() + b"\n")
        write_po(file, wanted, no_location=True, omit_header=True, sort_output=True, width=110)
    return target


def _is_translated(message: Message) -> bool:
    words = message.string if isinstance(message.string, list | tuple) else [message.string]
    return all(words)


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 if `check` found something, 2 for anything but check or update."""
    command, *named = arguments or [""]
    packages = named or [name for name in PACKAGES if find_spec(name)]
    match command:
        case "check":
            found = list(problems(packages))
            sys.stdout.writelines(f"{line}\n" for line in found)
            return 1 if found else 0
        case "update":
            for package in packages:
                sys.stdout.write(f"{update(package)}\n")
            return 0
        case _:
            sys.stderr.write("usage: python -m chassis.web.catalogs check|update [package…]\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
