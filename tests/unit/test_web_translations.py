"""Every message of chassis speaks German, and the check sees what does not."""

import sys
from pathlib import Path

import pytest

from chassis.web import catalogs
from chassis.web.translations import load


def a_package(folder: Path, catalog: str) -> str:
    (folder / "sample" / "templates").mkdir(parents=True)
    (folder / "sample" / "locale").mkdir()
    (folder / "sample" / "__init__.py").write_text('N_ = str\nLABELS = N_("On its way"), N_("Sign in")\n')
    (folder / "sample" / "templates" / "page.html").write_text('{{ _("%(n)s persons", n=2) }}')
    (folder / "sample" / "locale" / "de.po").write_text(catalog)
    return "sample"


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "sample", raising=False)
    return tmp_path


GOOD = 'msgid "On its way"\nmsgstr "Unterwegs"\n\n#, python-format\nmsgid "%(n)s persons"\nmsgstr "%(n)s Personen"\n'


def test_chassis_is_complete() -> None:
    assert list(catalogs.problems(["chassis"])) == []
    assert load(["chassis"], "de").gettext("Sign in") == "Anmelden"
    assert load(["chassis"], "en").gettext("Sign in") == "Sign in"


def test_a_complete_catalog_passes(sample: Path) -> None:
    assert catalogs.main(["check", a_package(sample, GOOD)]) == 0


@pytest.mark.parametrize(
    ("catalog", "told"),
    [
        (GOOD.replace('"Unterwegs"', '""'), "'On its way' has no German words"),
        ("", "'%(n)s persons' has no German words"),
        (GOOD + '\nmsgid "Gone"\nmsgstr "Weg"\n', "'Gone' is not in the source"),
        (GOOD.replace("%(n)s Personen", "%(m)s Personen"), "unknown named placeholder 'm'"),
        ("#, fuzzy\n" + GOOD, "'On its way' is marked as unsure"),
    ],
)
def test_what_is_wrong_is_told(sample: Path, catalog: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogs.main(["check", a_package(sample, catalog)]) == 1
    assert told in capsys.readouterr().out


def test_the_same_message_is_not_said_in_two_ways(sample: Path) -> None:
    other = GOOD.replace("On its way", "Sign in").replace("Unterwegs", "Einloggen")
    found = list(catalogs.problems(["chassis", a_package(sample, other)]))
    assert "sample: 'Sign in' is said differently in chassis" in found


def test_update_adds_what_is_new_keeps_what_is_there_and_drops_what_is_gone(sample: Path) -> None:
    package = a_package(sample, GOOD.replace("On its way", "Gone"))
    once = catalogs.update(package).read_text()
    assert 'msgid "On its way"\nmsgstr ""' in once
    assert 'msgstr "%(n)s Personen"' in once
    assert "Gone" not in once
    assert "Sign in" not in once, "chassis says it for everybody"
    assert catalogs.update(package).read_text() == once
