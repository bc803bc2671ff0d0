"""The command line where something is missing or wrong: one message that says what to do, and no traceback."""

import asyncio
import base64
import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from builders import TUEBINGEN
from chassis import trail
from chassis.broker import Broker
from chassis.database import Database
from chassis.migrate import Migration
from chassis.parked import park
from chassis.topics import TopicDiffers, create_topics
from chassis.vault import KEY_BYTES, Vault
from clocks import SetClock
from contracts.topics import submissions
from geleit.cli import main
from geleit.demo import diary, furnish
from geleit.demo.doors import Doors, open_doors
from geleit.demo.run import Wanted, _Run
from geleit.failures import Failure
from geleit.progress import Steps
from geleit.system import Running
from intake.generate import generate
from integration.conftest import NOBODY
from matching.policy import ensure_policy
from matching_stage import Stage
from notifications.contacts import import_contacts
from stream import raw_bytes, send

Geleit = Callable[..., tuple[int, str, str]]


@pytest.fixture
def geleit(here: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Geleit:
    """A command: its exit code, its output and what went to stderr."""

    def ran(*words: str) -> tuple[int, str, str]:
        here.setattr(sys, "argv", ["geleit", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        output = capsys.readouterr()
        return int(ended.value.code or 0), output.out, output.err

    return ran


@pytest.mark.parametrize(
    "words", [("key", "list"), ("audit",), ("policy", "show"), ("parked", "list", "intake"), ("replay",)]
)
def test_without_a_database_it_says_so(here: pytest.MonkeyPatch, geleit: Geleit, words: tuple[str, ...]) -> None:
    here.setenv("DATABASE_URL", f"postgresql://{NOBODY}/geleit")
    code, _, said = geleit(*words)
    assert (code, "does Geleit run" in said) == (1, True)


def test_without_a_broker_it_says_so_once(here: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    here.setattr("geleit.commands.broker.WITHIN", 1)
    here.setattr(sys, "argv", ["geleit", "broker", "account", "karlsruhe"])
    with pytest.raises(SystemExit):
        main()
    assert capfd.readouterr().err.replace("\n", " ").startswith("The broker does not answer: does Geleit run")


def test_before_the_first_migration_it_says_so(here: pytest.MonkeyPatch, geleit: Geleit, postgres_url: str) -> None:
    here.setenv("DATABASE_URL", postgres_url)
    code, _, said = geleit("key", "list")
    assert (code, "geleit migrate" in said) == (1, True)


def test_a_value_that_the_database_refuses_is_not_quoted(geleit: Geleit) -> None:
    name = "n" * 101
    code, _, said = geleit("account", "create", name, "--role", "state", "--tenant", "08")
    assert (code, name in said, "argon2" in said) == (1, False, False)


@pytest.mark.parametrize(
    ("role", "tenant"),
    [
        *[("centre", "Karlsruhe"), ("centre", "LEA Karlsruhe"), ("municipality", "08115"), ("district", "08")],
        *[("district", "08999"), ("manager", "MK-07"), ("state", "08115"), ("operator", ""), ("auditor", "09")],
    ],
)
def test_nobody_gets_an_account_or_a_key_for_what_no_such_role_has(geleit: Geleit, role: str, tenant: str) -> None:
    who = ("--role", role, "--tenant", tenant)
    for words in (("account", "create", "somebody", *who), ("key", "issue", *who, "--label", "something")):
        code, _, said = geleit(*words)
        assert (code, f"The tenant of a {role} is" in said) == (1, True)


def test_what_a_list_shows_can_be_used(here: pytest.MonkeyPatch, geleit: Geleit) -> None:
    here.setenv("COLUMNS", "80")
    who = ("--role", "manager", "--tenant", str(uuid4()))
    issue = ("key", "issue", *who, "--label", "a program with a long name of its own")
    issued, other = (geleit(*issue)[1].partition(":")[0] for _ in range(2))
    code, _, said = geleit(*issue)
    assert (code, f"geleit key list {' '.join(who)}" in said.replace("\n", " ")) == (1, True)
    shown = geleit("key", "list", *who)[1]
    assert issued in shown
    assert other in shown
    assert geleit("key", "revoke", issued)[0] == 0
    assert "revoked 2" in geleit("key", "list", *who)[1]
    assert geleit("key", "list", "--role", "auditor")[1] == "no key\n"


def test_accounts_are_listed(geleit: Geleit) -> None:
    assert geleit("account", "list")[1] == "no account\n"
    for name, role, tenant in (("amt", "state", "08"), ("kreis", "district", "08415")):
        assert geleit("account", "create", name, "--role", role, "--tenant", tenant)[0] == 0
    assert geleit("account", "disable", "amt")[0] == 0
    lines = geleit("account", "list")[1].splitlines()
    assert [line.partition("  ")[2] for line in lines[::2]] == ["state 08", "district 08415"]
    assert [line.strip().rpartition(" ")[0] for line in lines[1::2]] == ["amt  disabled", "kreis  since"]
    assert UUID(lines[0].partition(" ")[0]), "as the trail names who did something"
    assert geleit("account", "list", "--role", "district")[1].splitlines() == lines[2:]


def test_who_gets_an_account_of_a_tenant_that_nobody_knows_is_warned(geleit: Geleit) -> None:
    assert geleit("register", "generate")[0] == 0
    known = generate()[0].ags
    for tenant, is_known in (("08999999", False), (known, True)):
        who = ("--role", "municipality", "--tenant", tenant)
        for words in (("account", "create", f"of {tenant}", *who), ("key", "issue", *who, "--label", "a test")):
            code, _, said = geleit(*words)
            assert (code, "warning: no municipality of this tenant" in said) == (0, not is_known)


def test_the_spaces_around_a_name_are_none_of_it(geleit: Geleit) -> None:
    as_state = ("--role", "state", "--tenant", "08")
    assert geleit("account", "create", " anna", *as_state)[1].startswith("anna: ")
    code, _, said = geleit("account", "create", "anna ", *as_state)
    assert (code, "exists" in said) == (1, True)
    assert geleit("account", "disable", " anna ")[:2] == (0, "anna disabled\n")


def test_an_account_comes_back(geleit: Geleit) -> None:
    def account(*words: str) -> int:
        return geleit("account", *words)[0]

    assert account("create", "amt", "--role", "state", "--tenant", "08") == 0
    assert account("disable", "amt") == 0
    assert account("password", "amt") == 1
    assert account("enable", "amt") == 0
    assert account("enable", "amt") == 1
    assert account("password", "amt") == 0


async def test_what_a_command_writes_down_names_who_gave_it(
    here: pytest.MonkeyPatch, geleit: Geleit, database: Any
) -> None:
    matching: Database = await database("matching")
    async with matching.transaction() as tx:
        await tx.publish(await ensure_policy(tx))
    policy = Path(__file__).parents[2] / "docs" / "policies" / "before-the-decree.yaml"
    here.setenv("LOGNAME", "anna.maier")
    commands = (
        ("register", "generate"),
        ("policy", "enact", str(policy), "--yes", "--no-wait"),
        ("account", "create", "amt", "--role", "state", "--tenant", "08"),
    )
    for words in commands:
        code, _, said = await asyncio.to_thread(geleit, *words)
        assert (code, said) == (0, "")
    written: list[tuple[str, ...]] = []
    for one in (matching, await database("intake")):
        async with one.transaction() as tx:
            written += map(tuple, await tx.fetch("select action, actor, role from audit"))
    async with matching.transaction() as tx:
        written += [(one.action, one.actor, one.role) for one in await trail.listed(tx, "access", limit=9)]
    actions = ("enact", "register.imported", "account.created")
    assert written == [(action, "cli:anna.maier", "system") for action in actions]


async def test_what_was_due_and_failed_is_shown_and_comes_again(geleit: Geleit, owner: asyncpg.Connection) -> None:
    async def dues(*words: str) -> str:
        code, output, _ = await asyncio.to_thread(geleit, "dues", *words)
        assert code == 0
        return output

    assert "no due has failed" in await dues("list", "matching")
    await owner.execute("insert into matching.due values ('again', 'somebody', now() + interval '6 hours', 9)")
    assert "9 ×" in await dues("list", "matching")
    assert "1 come now" in await dues("retry", "matching")
    assert await owner.fetchval("select at <= now() from matching.due where aggregate = 'somebody'")
    assert "no due that has failed has to wait" in await dues("retry", "matching")


async def test_what_nobody_can_read_of_a_centre_is_deleted(
    here: pytest.MonkeyPatch, geleit: Geleit, kafka_bootstrap: str
) -> None:
    centre = f"c{uuid4().hex[:8]}"
    topic = submissions(centre)
    await create_topics(Broker(kafka_bootstrap), [topic])
    await send(kafka_bootstrap, topic.name, [("a", b"?", [])])
    here.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap)
    here.setenv("CENTRES", centre)
    code, _, said = await asyncio.to_thread(geleit, "broker", "skip", "karlsruhe", "--yes")
    assert (code, "none of the centres" in said) == (1, True)
    assert (await asyncio.to_thread(geleit, "broker", "skip", centre, "--yes"))[0] == 0
    reader, place = AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap), TopicPartition(topic.name, 0)
    await reader.start()
    try:
        assert await reader.beginning_offsets([place]) == await reader.end_offsets([place]) == {place: 1}
    finally:
        await reader.stop()


async def test_a_parked_record_is_discarded_for_a_reason_only(
    here: pytest.MonkeyPatch, geleit: Geleit, database: Any
) -> None:
    here.setenv("COLUMNS", "40")
    place, error = "submissions.sigmaringen/0/24", "schema:unknown_version"
    worker: Database = await database("intake")
    async with worker.transaction() as tx:
        raw = replace(raw_bytes(b"?", offset=24), topic="submissions.sigmaringen")
        await park(tx, Vault(os.urandom(KEY_BYTES)), raw, error, None)

    async def of_parked(*words: str) -> tuple[int, str, str]:
        return await asyncio.to_thread(geleit, "parked", *words)

    listed = (await of_parked("list", "intake"))[1]
    assert f"{place}  {error}\n" in listed, "it can be copied"
    number = listed.partition(" ")[0]
    code, _, said = await of_parked("discard", "intake", number, "--reason", " ")
    assert (code, "Say why" in said) == (1, True)
    assert (await of_parked("discard", "intake", number, "--reason", "a test"))[0] == 0
    assert "discarded: a test" in (await of_parked("list", "intake", "--settled"))[1]


async def test_figures_stay_while_no_broker_could_fill_them_again(geleit: Geleit, owner: asyncpg.Connection) -> None:
    await owner.execute(
        "insert into reporting.municipality (ags, name, district, district_name, population, active, revision)"
        " values ('08415061', 'Reutlingen', '08415', 'Reutlingen', 1, true, 1)"
    )
    code, _, said = await asyncio.to_thread(geleit, "rebuild", "reporting")
    assert (code, "does Geleit run" in said) == (1, True)
    assert await owner.fetchval("select count(*) from reporting.municipality") == 1


def test_a_file_that_cannot_be_read_or_written_is_named(geleit: Geleit, tmp_path: Path) -> None:
    contacts = tmp_path / "contacts.csv"
    contacts.write_bytes("ags;address\n08415061;bürger@town.example\n".encode("cp1252"))
    code, _, said = geleit("contacts", "import", str(contacts))
    assert (code, "not UTF-8" in said) == (1, True)
    code, _, said = geleit("backup", str(tmp_path / "missing" / "backup"))
    assert (code, "missing" in said) == (1, True)


def no_key(here: pytest.MonkeyPatch) -> None:
    here.delenv("VAULT_MASTER_KEY")


def short_key(here: pytest.MonkeyPatch) -> None:
    here.setenv("VAULT_MASTER_KEY", "c2hvcnQ=")


def changed_migration(here: pytest.MonkeyPatch) -> None:
    here.setattr(Migration, "checksum", "another")


def other_topic(here: pytest.MonkeyPatch) -> None:
    async def differs(*_: object, **_more: object) -> None:
        raise TopicDiffers("households has 12 partitions instead of 3")

    here.setattr("geleit.install.create_topics", differs)


def files(_: pytest.MonkeyPatch) -> None:
    Path("names.txt").write_bytes("Jürgen\n".encode("cp1252"))
    Path("roster.csv").write_text("code;name;provider;fte;service_area\nA;Anna;P;1E999999;08415061\n", "utf-8")


@pytest.mark.parametrize(
    ("given", "words", "advice"),
    [
        (no_key, ("roster", "import", __file__), "look at VAULT_MASTER_KEY"),
        (short_key, ("parked", "retry", "matching", "--all"), "look at VAULT_MASTER_KEY"),
        (changed_migration, ("migrate",), "the release that applied it"),
        (other_topic, ("migrate",), "households has 12 partitions instead of 3: delete the topic"),
        (files, ("audit", "--canaries", "names.txt"), "names.txt: not UTF-8"),
        (files, ("roster", "import", "roster.csv"), "Nothing was imported."),
    ],
)
def test_what_a_person_can_put_right_is_said_in_one_line(
    here: pytest.MonkeyPatch,
    geleit: Geleit,
    given: Callable[[pytest.MonkeyPatch], None],
    words: tuple[str, ...],
    advice: str,
) -> None:
    given(here)
    code, _, said = geleit(*words)
    assert (code, advice in said, said.count("\n")) == (1, True, 1)


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("PORT", "99999", "PORT: Input should be less than or equal to 65535"),
        ("TRACING", "perhaps", "TRACING: Input should be a valid boolean"),
        ("SMTP_URL", "smtp://geleit:hush#@mail.example", "SMTP_URL: an SMTP URL begins with smtp://"),
        ("KAFKA_REPLICAS", "many", "KAFKA_REPLICAS: Input should be a valid integer"),
        ("MATCHING_KAFKA_REPLICAS", "many", "MATCHING_KAFKA_REPLICAS: Input should be a valid integer"),
    ],
)
def test_a_wrong_variable_is_named_and_not_quoted(
    here: pytest.MonkeyPatch, geleit: Geleit, name: str, value: str, advice: str
) -> None:
    here.setenv(name, value)
    code, _, said = geleit("account", "list")
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith(advice)
    assert not {value, "hush"} & set(re.split(r"[ '\n]", said))


def test_an_import_with_another_master_key_says_whose_names_it_seals_anew(
    here: pytest.MonkeyPatch,
    geleit: Geleit,
    tmp_path: Path,
    database_url: str,
    services_password: str | None,
) -> None:
    async def begin() -> None:
        database = await Database.open(database_url, service="matching", use="worker", password=services_password)
        await Stage(database, SetClock()).begin()
        await database.close()

    asyncio.run(begin())
    file = tmp_path / "roster.csv"
    file.write_text(f"code;name;provider;fte;service_area\nA;Anna;P;1;{TUEBINGEN}\n", "utf-8")
    assert "master key" not in geleit("roster", "import", str(file))[1]
    here.setenv("VAULT_MASTER_KEY", base64.b64encode(os.urandom(KEY_BYTES)).decode())
    for options, expected in ((["--preview"], "would be sealed anew"), ([], "are sealed anew")):
        code, said, _ = geleit("roster", "import", str(file), *options)
        assert (code, "warning: 1 names" in said, expected in said) == (0, True, True)


async def begin_demo(state_dir: Path, doors: Doors) -> None:
    running = Running("", state_dir, {}, {}, None, None, None)
    nothing = cast(Any, None)
    await _Run(running, doors, nothing, nothing, Steps(quiet=True), Wanted(), 0.0).week()


def test_an_import_of_contacts_fails_where_no_line_could_be_read(geleit: Geleit) -> None:
    file = Path("contacts.csv")
    for wrong, why in (
        ("municipality;mail\n", "line 1: the first line has to name the columns ags and address\n"),
        (f"ags;address\n{TUEBINGEN};nobody\n", "line 2: address is not an e-mail address\n"),
    ):
        file.write_text(wrong, "utf-8")
        code, out, said = geleit("contacts", "import", str(file))
        assert (code, out, "Nothing was imported" in said) == (1, why, True)
    file.write_text(f"ags;address\n{TUEBINGEN};post@tuebingen.example\n0;wrong\n", "utf-8")
    for changed in (1, 0):
        code, out, _ = geleit("contacts", "import", str(file))
        assert (code, f"changed {changed}, unchanged {1 - changed}, wrong 1" in out) == (0, True)


def test_an_import_of_managers_says_what_is_wrong_with_a_line(geleit: Geleit) -> None:
    file = Path("managers.csv")
    file.write_text("code;name;provider;fte;service_area\nA;Anna;P;1;99999999\n", "utf-8")
    code, out, _ = geleit("roster", "import", str(file))
    assert (code, out) == (1, "line 1, service_area: The register of municipalities has not been imported yet.\n")


async def test_a_demo_writes_nothing_over_what_no_demo_has_made(here: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = "ags;address\n08415061;amt@reutlingen.example".splitlines()
    async with open_doors() as doors:
        async with doors["notifications"].transaction() as tx:
            await import_contacts(tx, real)
        with pytest.raises(Failure, match=r"contact points: 1\).*another GELEIT_STATE_DIR"):
            await begin_demo(tmp_path, doors)
        async with doors["notifications"].transaction() as tx:
            assert (await import_contacts(tx, real)).unchanged == 1


@pytest.mark.parametrize("other", ["null", '{"week": 0, "finished": true}', None])
async def test_a_demo_of_another_database_in_the_same_folder_is_no_leave_to_write(
    here: pytest.MonkeyPatch, tmp_path: Path, other: str | None
) -> None:
    if other is None:
        diary.begin(tmp_path, datetime(2026, 11, 23, tzinfo=UTC))
    else:
        (tmp_path / diary.FILE).write_text(other)
    async with open_doors() as doors:
        async with doors["notifications"].transaction() as tx:
            await import_contacts(tx, ["ags;address", "08415061;amt@reutlingen.example"])
        with pytest.raises(Failure, match=r"contact points: 1\)"):
            await begin_demo(tmp_path, doors)


async def test_a_demo_on_another_empty_database_begins_anew(here: pytest.MonkeyPatch, tmp_path: Path) -> None:
    diary.begin(tmp_path, datetime(2026, 11, 23, tzinfo=UTC))
    (tmp_path / furnish.KEYS).write_text('{"karlsruhe": "a key that this database does not know"}')
    async with open_doors() as doors:
        await furnish.claim(doors, tmp_path)
        assert furnish.Keyring.load(tmp_path).keys == {}
        (tmp_path / furnish.KEYS).write_text('{"karlsruhe": "one of this database\'s"}')
        await furnish.claim(doors, tmp_path)
        assert furnish.Keyring.load(tmp_path).keys


async def test_a_demo_that_was_interrupted_before_its_first_week_goes_on(
    here: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def interrupted(*_: object) -> None:
        raise Failure("interrupted")

    here.setattr(furnish, "fill_roster", interrupted)
    async with open_doors() as doors:
        for _ in range(2):
            with pytest.raises(Failure, match="interrupted"):
                await begin_demo(tmp_path, doors)
        assert diary.last(tmp_path) is None


def test_a_register_is_generated_again_and_never_over_an_official_one(geleit: Geleit, tmp_path: Path) -> None:
    assert "added 1101" in geleit("register", "generate")[1]
    assert "added 0, changed 0" in geleit("register", "generate")[1]
    official = tmp_path / "register.csv"
    rows = [f"{one.ags};{one.name.removesuffix(' 01')};{one.population}" for one in generate()]
    official.write_text("\n".join(["ags;name;population", *rows]), "utf-8")
    assert geleit("register", "import", str(official))[0] == 0
    code, _, said = geleit("register", "generate")
    assert (code, "a database of its own" in said) == (1, True)
    assert "changed 0" in geleit("register", "import", str(official))[1]
