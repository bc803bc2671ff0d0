"""What a browser would send of a form that nobody has touched, and what a page has said after one."""

import re
from html import unescape
from html.parser import HTMLParser


def fields_of(page: str) -> dict[str, str]:
    """Fields and values of all forms of a page, but their buttons."""
    reader = _Reader()
    reader.feed(page)
    return reader.fields


def told(page: str) -> list[tuple[str, str]]:
    """The kind and the words of every alert of a page."""
    alert = r'kern-alert--(\w+)" role="\w+">.*?<span class="kern-title">(.*?)</span>'
    return [(kind, unescape(words)) for kind, words in re.findall(alert, page, re.DOTALL)]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        match tag:
            case "input" if given.get("type") != "checkbox" or "checked" in given:
                self.fields[name] = value
            case "select":
                self._select = name
                self.fields[name] = ""
            case "option" if "selected" in given:
                self.fields[self._select] = value
