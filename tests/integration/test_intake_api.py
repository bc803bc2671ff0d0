"""The API of reception centres on a real database: what is taken, what is refused, what is counted."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from builders import a_care, a_record
from chassis.access import Role, Tenant
from chassis.database import Database, Tx
from contracts.vocabulary import CareReason, CareStatus
from doors import Door
from intake import handlers, store
from intake_world import intake_door, outcomes, with_register
from integration.conftest import OpenDatabase
from offers import a_person, a_registration, an_identity, stated_facts

URL = "/intake/v1/households"


@pytest.fixture
async def worker(database: OpenDatabase) -> Database:
    return await with_register(await database("intake"))


@pytest.fixture
async def door(worker: Database, database: OpenDatabase, database_url: str) -> Door:
    return intake_door(await database("intake", "web"), worker, database_url)


async def offer(client: httpx.AsyncClient, body: Any = None, key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key or str(uuid4())}
    return await client.post(URL, json=a_registration() if body is None else body, headers=headers)


def problems(response: httpx.Response) -> set[tuple[str, str]]:
    assert response.headers["content-type"].startswith("application/problem+json")
    return {(one["pointer"], one["code"]) for one in response.json().get("errors", [])}


async def test_a_household_is_registered_and_read_back_without_names(door: Door, worker: Database) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        taken = await offer(client)
        assert taken.status_code == 202
        assert taken.json() == {"id": taken.json()["id"], "revision": 1, "status": "active", "outcome": "accepted"}
        assert taken.headers["location"] == f"{URL}/{taken.json()['id']}"
        read = await client.get(taken.headers["location"])
    assert read.json()["facts"]["age_bands"] == {"5-11": 1, "18-59": 1}
    assert read.json()["facts"]["district"] == "08416"
    assert "care" not in read.json()
    for secret in ("Oksana", "Melnyk", "1988", "123456"):
        assert secret not in read.text
    async with worker.transaction() as tx:
        topics = [row["topic"] for row in await tx.fetch("select topic from outbox")]
    assert topics.count("households") == 1


async def test_the_same_request_twice_makes_one_household_and_one_answer(door: Door, worker: Database) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        first, again = await offer(client, key="k-1"), await offer(client, key="k-1")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert await outcomes(worker) == {"accepted": 1, "duplicate": 1}


async def test_a_name_in_an_idempotency_key_is_not_kept(door: Door, worker: Database) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        await offer(client, key="Olena-Testova")
    async with worker.transaction() as tx:
        (kept,) = [row["key"] for row in await tx.fetch("select key from idempotency")]
    assert "Olena" not in kept


async def test_the_same_request_at_the_same_time_makes_one_household(door: Door, worker: Database) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        answers = await asyncio.gather(*(offer(client, key="k-1") for _ in range(3)))
        others = await asyncio.gather(*(offer(client, a_registration("KA-2")) for _ in range(3)))
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in others) == [200, 200, 202]
    assert await outcomes(worker) == {"accepted": 2, "duplicate": 4}


async def test_a_key_with_another_body_is_refused(door: Door, worker: Database) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        await offer(client, key="k-1")
        reused = await offer(client, a_registration("KA-2"), key="k-1")
    assert (reused.status_code, reused.json()["type"]) == (422, "urn:problem-type:geleit:idempotency-key-reused")
    assert await outcomes(worker) == {"accepted": 1, "rejected": 1}


async def test_a_refused_request_frees_its_key(door: Door) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        assert (await offer(client, a_registration(facts={}), key="k-1")).status_code == 422
        assert (await offer(client, key="k-1")).status_code == 202


async def test_every_fault_of_a_form_is_told_at_once_and_none_is_echoed(door: Door, worker: Database) -> None:
    body = a_registration(
        reference="no spaces please",
        version=0,
        facts=stated_facts(municipality="08999999", legal_group="Zaphod"),
        identity={"persons": [a_person(birth_date="2999-01-01", nationality="Zaphod"), "Zaphod"]},
    )
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        refused = await offer(client, body)
    assert refused.status_code == 422
    assert problems(refused) == {
        ("/reference", "malformed"),
        ("/version", "out_of_range"),
        ("/facts/municipality", "unknown_municipality"),
        ("/facts/legal_group", "unknown_value"),
        ("/identity/persons/0/birth_date", "born_in_future"),
        ("/identity/persons/0/nationality", "malformed"),
        ("/identity/persons/1", "wrong_type"),
    }
    assert "Zaphod" not in refused.text
    assert all(one["message"] for one in refused.json()["errors"])
    assert await outcomes(worker) == {"rejected": 1}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b'{"reference": ', 400),
        (b'{"reference": "\xff\xfe"}', 400),
        (b"", 400),
        (b"[]", 422),
        (b"7", 422),
        (b"[" * 100_000, 400),
        (b'{"facts": ' + b"[" * 900 + b"]" * 900 + b"}", 422),
    ],
)
async def test_no_json_object_is_refused_and_counted(door: Door, worker: Database, content: bytes, status: int) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        refused = await client.post(URL, content=content, headers={"Idempotency-Key": "k"})
    assert refused.status_code == status, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert await outcomes(worker) == {"rejected": 1}


async def test_a_body_of_ten_megabytes_is_not_read(door: Door) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        refused = await client.post(URL, content=b"x" * 10_000_000, headers={"Idempotency-Key": "k"})
    assert refused.status_code == 413


async def test_a_request_needs_an_idempotency_key(door: Door) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        refused = await client.post(URL, json=a_registration())
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:problem-type:geleit:idempotency-key-missing")


@pytest.mark.parametrize(("role", "tenant"), [(Role.MUNICIPALITY, "08416041"), (Role.OPERATOR, "08")])
async def test_only_centres_write(door: Door, worker: Database, role: Role, tenant: str) -> None:
    async with door.program(role, tenant) as client:
        assert (await offer(client)).status_code == 403
    assert await outcomes(worker) == {}


async def test_nobody_writes_without_a_key(door: Door) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        refused = await client.post(URL, json={}, headers={"Authorization": "Bearer glt_none"})
    assert refused.status_code == 401


async def test_a_time_that_does_not_fit_into_utc_is_refused(door: Door) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        refused = await client.get(URL, params={"since": "0001-01-01T00:00:00+14:00"})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:problem-type:geleit:invalid-request")


async def test_a_used_reference_is_a_duplicate_or_a_conflict(door: Door, worker: Database) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        first, again = await offer(client), await offer(client)
        other = await offer(client, a_registration(identity=an_identity(a_person(given_name="Iryna"))))
        newer = await offer(client, a_registration(version=2, facts=stated_facts(languages=["ru"])))
    assert (again.status_code, again.json()["id"], again.json()["outcome"]) == (200, first.json()["id"], "duplicate")
    assert (other.status_code, problems(other)) == (409, {("/reference", "reference_taken")})
    assert (newer.status_code, newer.json()["outcome"], newer.json()["revision"]) == (202, "corrected", 2)
    assert await outcomes(worker) == {"accepted": 1, "duplicate": 1, "rejected": 1, "corrected": 1}


async def test_a_household_is_corrected_and_withdrawn(door: Door, worker: Database) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        at = (await offer(client)).headers["location"]
        corrected = await client.put(
            at, json={"facts": stated_facts(municipality="08415061")}, headers={"Idempotency-Key": "c"}
        )
        withdrawn = await client.post(f"{at}/withdrawal", headers={"Idempotency-Key": "w"})
        again = await client.post(f"{at}/withdrawal", headers={"Idempotency-Key": "w2"})
        late = await client.put(at, json={"facts": stated_facts()}, headers={"Idempotency-Key": "c2"})
        read = (await client.get(at)).json()
    assert (corrected.status_code, corrected.json()["revision"]) == (202, 2)
    assert (withdrawn.status_code, withdrawn.json()["status"]) == (202, "withdrawn")
    assert (again.status_code, again.json()["outcome"]) == (200, "duplicate")
    # The first form came again: old news is a duplicate, whatever became of the household.
    assert (late.status_code, read["revision"], read["status"]) == (409, 3, "withdrawn")
    assert await outcomes(worker) == {"accepted": 1, "corrected": 1, "withdrawn": 1, "duplicate": 1, "rejected": 1}


async def test_who_has_left_is_neither_there_nor_withdrawn(door: Door, worker: Database) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        at = (await offer(client)).headers["location"]
        gone = await client.post(f"{at}/departure", headers={"Idempotency-Key": "d"})
        late = await client.post(f"{at}/withdrawal", headers={"Idempotency-Key": "w"})
    assert (gone.status_code, gone.json()["status"], gone.json()["outcome"]) == (202, "departed", "departed")
    assert (late.status_code, problems(late)) == (409, {("", "not_active")})
    assert await outcomes(worker) == {"accepted": 1, "departed": 1, "rejected": 1}


async def test_somebody_elses_household_does_not_exist(door: Door) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        at = (await offer(client)).headers["location"]
    async with door.program(Role.CENTRE, "ellwangen") as stranger:
        key = {"Idempotency-Key": "k"}
        answers = [
            await stranger.get(at),
            await stranger.put(at, json={"facts": stated_facts()}, headers=key),
            await stranger.post(f"{at}/withdrawal", headers=key),
            await stranger.get(f"{URL}/{uuid4()}"),
        ]
        assert [one.status_code for one in answers] == [404] * 4
        assert len({one.text for one in answers}) == 1
        assert (await stranger.get(URL)).json() == {"items": []}
        assert (await offer(stranger)).json()["outcome"] == "accepted"


async def test_row_level_security_hides_other_centres_and_everything_from_operators(door: Door) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        await offer(client)

    async def visible(tenant: Tenant | None) -> list[int]:
        async with door.web.transaction(tenant) as tx:
            tables = ("household", "person_vault", "verdict", "reference", "idempotency")
            return [await tx.fetchval(f"select count(*) from {table}") for table in tables]

    assert await visible(Tenant(Role.CENTRE, "karlsruhe")) == [1] * 5
    nobodies = (Tenant(Role.CENTRE, "ellwangen"), Tenant(Role.OPERATOR, "08"), Tenant(Role.DISTRICT, "08415"), None)
    for nobody in nobodies:
        assert await visible(nobody) == [0] * 5
    # Who allots sees facts and locks references; names, verdicts and answers are not theirs.
    for who in (Tenant(Role.STATE, "08"), Tenant(Role.DISTRICT, "08416")):
        assert await visible(who) == [1, 0, 0, 1, 0]


@pytest.mark.parametrize(("role", "tenant"), [(Role.DISTRICT, "08416"), (Role.STATE, "08"), (Role.AUDITOR, "08")])
async def test_who_is_shown_no_household_is_refused_instead_of_told_of_none(
    door: Door, role: Role, tenant: str
) -> None:
    """What is read here is one centre's."""
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        told = (await offer(client)).json()
    async with door.program(role, tenant) as client:
        assert (await client.get(URL)).status_code == 403
        assert (await client.get(f"{URL}/{told['id']}")).status_code == 403


async def test_the_list_pages_and_tells_what_changed_since(door: Door, worker: Database) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        ids = [(await offer(client, a_registration(f"KA-{number}"))).json()["id"] for number in range(3)]
        first = (await client.get(URL, params={"limit": 2})).json()
        rest = (await client.get(URL, params={"limit": 2, "cursor": first["next"]})).json()
        assert [one["id"] for one in first["items"] + rest["items"]] == ids
        assert "next" not in rest
        care = a_care(household=UUID(ids[1]), status=CareStatus.WAITING, reason=CareReason.NO_CAPACITY, assignee=None)
        async with worker.transaction() as tx:
            now = tx.now
            await tx.execute("update household set changed_at = changed_at - interval '6 minutes'")
            await handlers.on_assignments([a_record(care)], tx)
        changed = (await client.get(URL, params={"since": now.isoformat()})).json()["items"]
        assert [(one["id"], one["care"]["status"], one["care"]["reason"]) for one in changed] == [
            (ids[1], "waiting", "no_capacity")
        ]
        assert (await client.get(URL, params={"cursor": "nonsense"})).status_code == 422


async def test_what_changed_since_is_told_in_the_order_of_the_last_changes(door: Door, worker: Database) -> None:
    """Each household once; one that changes on the way comes again, at the end."""
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        ids = [(await offer(client, a_registration(f"KA-{number}"))).json()["id"] for number in range(4)]
        cares = [a_care(household=UUID(one), status=CareStatus.WAITING, assignee=None) for one in ids[:3]]
        async with worker.transaction() as tx:
            await handlers.on_assignments([a_record(care) for care in cares], tx)
        began = datetime.now(UTC)

        async def change(table: str, household: str, minutes: int) -> None:
            key = "id" if table == "household" else "household"
            async with worker.transaction() as tx:
                at = began + timedelta(minutes=minutes)
                await tx.execute(f"update {table} set changed_at = $2 where {key} = $1", UUID(household), at)

        async def told(**query: str) -> tuple[list[str], str | None]:
            page = (await client.get(URL, params={"since": began.isoformat(), "limit": "2"} | query)).json()
            return [one["id"] for one in page["items"]], page.get("next")

        # The last one was not decided yet; the first one's household and care have changed at the same time.
        for household, own, care in zip(ids, (2, 1, 0, 3), (2, 0, 1, None), strict=True):
            await change("household", household, own)
            if care is not None:
                await change("care", household, care)
        first, after = await told()
        assert first == sorted(ids[1:3])
        assert after is not None
        await change("care", first[0], 4)
        second, end = await told(cursor=after)
        assert second == [ids[0], ids[3]]
        assert end is not None
        assert await told(cursor=end) == ([first[0]], None)
        assert await told(reference="KA-3") == ([ids[3]], None)


async def test_changes_go_on_where_others_have_followed_all_that_one_page_looks_at(
    door: Door, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.lists, "MOST_TIMES", 2)
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        ids = [(await offer(client, a_registration(f"KA-{number}"))).json()["id"] for number in range(3)]
        cares = [a_care(household=UUID(one), status=CareStatus.WAITING, assignee=None) for one in ids]
        async with worker.transaction() as tx:
            await handlers.on_assignments([a_record(care) for care in cares], tx)
            await tx.execute("update household set changed_at = changed_at - interval '1 minute'")
        query = {"since": tx.now.isoformat(), "limit": "9"}
        pages = [(await client.get(URL, params=query)).json()]
        while after := pages[-1].get("next"):
            pages.append((await client.get(URL, params=query | {"cursor": after})).json())
        assert [[one["id"] for one in page["items"]] for page in pages] == [[], sorted(ids)[:1], sorted(ids)[1:], []]


async def test_what_changes_while_a_page_is_read_hides_nobody(
    door: Door, worker: Database, database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times are looked up first: whoever has changed since comes later, and so does everybody behind."""
    monkeypatch.setattr(store.lists, "MOST_TIMES", 2)
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        ids = [UUID((await offer(client, a_registration(f"KA-{number}"))).json()["id"]) for number in range(4)]
    web = await database("intake", "web")
    async with worker.transaction() as tx:
        for minutes, one in enumerate(ids):
            await tx.execute(
                "update household set changed_at = $2 where id = $1", one, tx.now + timedelta(minutes=minutes)
            )
    since, fetch = tx.now, Tx.fetch

    async def meanwhile(self: Tx, sql: str, *args: object) -> list[Any]:
        rows = await fetch(self, sql, *args)
        if "changed_at" in sql and self is not tx:
            monkeypatch.setattr(Tx, "fetch", fetch)
            async with worker.transaction() as other:
                late = other.now + timedelta(hours=1)
                await other.execute("update household set changed_at = $2 where id = $1", ids[0], late)
        return rows

    monkeypatch.setattr(Tx, "fetch", meanwhile)
    told, after = [], None
    while True:
        async with web.transaction(Tenant(Role.CENTRE, "karlsruhe")) as reading:
            rows, after = await store.changed(reading, since=since, limit=9, after=after)
        told += [row.id for row in rows]
        if after is None:
            break
    assert told == [*ids[1:], ids[0]]


async def test_a_cursor_of_the_other_order_is_none(door: Door) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        for number in range(2):
            await offer(client, a_registration(f"KA-{number}"))
        since = {"since": "2022-03-14T00:00:00Z"}
        registered = (await client.get(URL, params={"limit": "1"})).json()["next"]
        changed = (await client.get(URL, params={"limit": "1"} | since)).json()["next"]
        wrong = [{"cursor": changed}, {"cursor": registered} | since]
        assert [(await client.get(URL, params=one)).status_code for one in wrong] == [422, 422]


async def test_what_is_being_written_while_a_centre_asks_is_told_when_it_asks_again(
    door: Door, worker: Database
) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        household = (await offer(client)).json()["id"]
        care = a_care(household=UUID(household), status=CareStatus.WAITING, assignee=None)
        async with worker.transaction() as tx:
            await tx.execute("update household set changed_at = changed_at - interval '6 minutes'")
        async with worker.transaction() as tx:
            await handlers.on_assignments([a_record(care)], tx)
            asked = datetime.now(UTC).isoformat()
            assert (await client.get(URL, params={"since": asked})).json()["items"] == []
        told = (await client.get(URL, params={"since": asked})).json()["items"]
    assert [one["id"] for one in told] == [household]


async def test_an_older_care_changes_nothing(door: Door, worker: Database) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        at = (await offer(client)).headers["location"]
        household = UUID(at.rpartition("/")[2])
        newer, older = a_care(household=household, revision=2), a_care(household=household, status=CareStatus.WAITING)
        for batch in ([newer, older], [older]):
            async with worker.transaction() as tx:
                await handlers.on_assignments([a_record(care) for care in batch], tx)
        assert (await client.get(at)).json()["care"]["manager"] == "TUE-01"


async def test_a_centre_gets_the_public_key(door: Door) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        key = (await client.get("/intake/v1/key")).json()
    assert (key["kty"], key["crv"], key["alg"]) == ("EC", "P-256", "ECDH-ES+A256KW")
    assert "d" not in key


async def test_the_api_describes_itself(door: Door) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        document = (await client.get("/intake/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    register = document["paths"]["/v1/households"]["post"]
    content = register["requestBody"]["content"]["application/json"]
    assert content["example"]["reference"]
    assert set(content["schema"]["required"]) == {"reference", "facts", "identity"}
    assert "application/problem+json" in register["responses"]["default"]["content"]
