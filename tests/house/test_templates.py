"""The policy of our pages allows nothing inline and nothing from elsewhere: no template may need it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted(
    path
    for folder in ("chassis", "services", "geleit", "tests")
    for path in (ROOT / folder).rglob("templates/**/*.html")
    if "node_modules" not in path.parts
)
FORBIDDEN = {
    "inline script": r"<script(?![^>]*\bsrc=)",
    "inline style": r"<style\b",
    "style attribute": r"<[^>]*\sstyle\s*=",
    "event handler": r"<[^>]*\son[a-z]+\s*=",
    "htmx script": r"\bhx-on\b|\bhx-vals=.js:|\bjs:",
    "script address": r"javascript:",
    "address elsewhere": r"""\b(?:src|href|action|hx-get|hx-post)\s*=\s*["']?(?:https?:)?//""",
    "raw output": r"\|\s*safe\b",
    "import of what is global": r"{%-?\s*(?:import|from)\s+.macros\.html",
}
PUBLIC_FORMS = {"/login", "/language"}


def violations(text: str) -> list[str]:
    found = [name for name, pattern in FORBIDDEN.items() if re.search(pattern, text, re.IGNORECASE)]
    for form in re.findall(r"<form\b[^>]*method=[\"']post[\"'].*?</form>", text, re.IGNORECASE | re.DOTALL):
        action = re.search(r'action="([^"]*)"', form)
        if "csrf_field" not in form and (action is None or action[1] not in PUBLIC_FORMS):
            found.append("form without csrf_field")
    return found


def test_there_are_templates() -> None:
    assert len(TEMPLATES) > 5


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_needs_nothing_inline_and_nothing_from_elsewhere(path: Path) -> None:
    assert violations(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<style>p {}</style>",
        '<p class="a" style="color: red">',
        '<button onclick="x()">',
        '<div hx-on:click="x()">',
        '<a href="javascript:x()">',
        '<img src="https://elsewhere.test/a.png">',
        '<link href="//elsewhere.test/a.css">',
        "{{ name|safe }}",
        '<form method="post" action="/matching/roster"></form>',
    ],
)
def test_the_rule_sees_what_it_forbids(text: str) -> None:
    assert violations(text)


def test_every_icon_is_one_that_the_design_system_has() -> None:
    """One that does not exist shows as a white square."""
    styles = ROOT / "chassis" / "chassis" / "static" / "vendor" / "kern" / "kern.min.css"
    known = set(re.findall(r"\.kern-icon--([a-z-]+)", styles.read_text("utf-8")))
    named = re.compile(r'"(?:primary|secondary|tertiary)", "([a-z-]+)"|icon\("([a-z-]+)"')
    for template in TEMPLATES:
        used = {one or other for one, other in named.findall(template.read_text("utf-8"))}
        assert used <= known, f"{template.name}: {used - known}"
