"""An interrupted run goes on; on other source it begins anew; what went wrong is done again."""

from pathlib import Path
from random import Random

import pytest

from chaos import failpoints
from chaos.__main__ import INPUTS, KILLS, OUTAGES, PARTS, missed, result, seed_of, steady_is_wanted
from chaos.inputs import mutated
from chaos.progress import Progress, counted
from offers import a_registration


def test_what_is_finished_is_known_to_the_next_run(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    Progress(file, "a").keep("kills", "1/1", kills=7, recover_s=3.5, faults=[])
    again = Progress(file, "a")
    again.keep("kills", "1/2", kills=5, recover_s=9.5, faults=["I1: lost"])
    assert again.knows("kills", "1/1")
    assert (again.total("kills"), again.most("recover_s"), again.faults()) == (12, 9.5, ["I1: lost"])


def test_other_source_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    Progress(file, "a").keep("kills", "1/1", kills=7)
    assert not Progress(file, "b").knows("kills", "1/1")


def test_what_went_wrong_is_done_again(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "progress.json", "a")
    progress.keep("kills", "1/1", faults=[])
    progress.keep("kills", "1/2", faults=["I1: lost"])
    progress.forget_faulty()
    assert (progress.knows("kills", "1/1"), progress.knows("kills", "1/2")) == (True, False)


def finished(file: Path) -> Progress:
    """All of the steady part, without a fault."""
    progress = Progress(file, "a")
    for name in failpoints.reached():
        for effect in failpoints.EFFECTS:
            progress.keep("failpoints", f"{name}.{effect}", passed=True, faults=[])
    progress.keep("inputs", "http 1", mutated_http=INPUTS, faults=[])
    progress.keep("inputs", "submissions 1", mutated_submissions=INPUTS, faults=[])
    progress.keep("inputs", "garbage", garbage=1000, faults=[])
    for piece in ("raced", "replayed", "audit"):
        progress.keep("again", piece, faults=[])
    return progress


@pytest.mark.parametrize(
    ("part", "piece"),
    [
        *(("inputs", "http 1"), ("inputs", "submissions 1"), ("inputs", "garbage")),
        *(("again", "raced"), ("again", "replayed"), ("again", "audit")),
    ],
)
def test_whatever_went_wrong_on_the_steady_system_is_wanted_again(tmp_path: Path, part: str, piece: str) -> None:
    progress = finished(tmp_path / "progress.json")
    assert not steady_is_wanted(progress, 1)
    figures = dict(progress.of(part)[piece])
    progress.keep(part, piece, **figures | {"faults": ["I1: lost"]})
    progress.forget_faulty()
    assert steady_is_wanted(progress, 1)


def test_the_last_line_counts_the_faults_of_every_part_once(tmp_path: Path) -> None:
    progress = finished(tmp_path / "progress.json")
    names = ("lost", "doubled", "order_breaks", "over_capacity", "faults")
    assert [result(progress)[name] for name in names] == [0, 0, 0, 0, 0]
    progress.keep("failpoints", "retry.applied.crash", passed=False, faults=["retry.applied:crash I4: manager 7"])
    faults = ["I1: one", "I6: two", "I2: p/0/3 has 2 verdicts and is not parked", "mail: four", "I1: one"]
    progress.keep("again", "audit", faults=faults)
    progress.keep("again", "replayed", faults=["doubled: replay 1 changed intake"])
    progress.keep("kills", "1/1", kills=7, lost=1, faults=["parked: intake, five", "fill_disk took 61 s to recover"])
    assert [result(progress)[name] for name in names] == [3, 2, 1, 1, 8]


def test_the_same_seed_spoils_alike_and_leaves_the_form_as_it_was() -> None:
    form = a_registration()
    first = [mutated(form, Random(seed)) for seed in range(200)]
    assert first == [mutated(form, Random(seed)) for seed in range(200)]
    assert form == a_registration()
    assert len(set(first)) > 150


def test_a_share_draws_by_the_commit_and_a_whole_run_always_alike() -> None:
    assert seed_of(None, "ffffff00") == 1
    assert seed_of(5, "ffffff00") == seed_of(20, "ffffff00")


def test_a_share_draws_by_its_source_where_there_is_no_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("chaos.__main__.ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert seed_of(5, "ffffff00") == 0xFFFFFF
    monkeypatch.setenv("PATH", str(tmp_path))
    assert seed_of(5, "ffffff00") == 0xFFFFFF


def test_a_whole_run_says_what_it_has_not_reached(tmp_path: Path) -> None:
    progress = finished(tmp_path / "progress.json")
    assert list(missed(result(progress), ["steady"])) == []
    assert list(missed(result(progress), PARTS)) == [
        f"kills: 0 of {KILLS}",
        f"broker_restarts: 0 of {OUTAGES}",
        f"db_restarts: 0 of {OUTAGES}",
    ]
    progress.keep("kills", "1/1", kills=KILLS, recover_s=61.5)
    progress.keep("outages", "1/1", broker_restarts=OUTAGES, db_restarts=OUTAGES - 1, db_clean_restarts=7)
    progress.keep("failpoints", "retry.applied.crash", passed=False)
    passed = len(failpoints.reached()) - 1
    assert list(missed(result(progress), PARTS)) == [
        f"{passed} of {passed + 1} fail points passed",
        f"db_restarts: {OUTAGES - 1} of {OUTAGES}",
        "recover_s_max: 61.5, 60 at most",
    ]


@pytest.mark.parametrize(
    ("fault", "sort"),
    [
        ("I1: household 7 was accepted 0 times and is there", "lost"),
        ("I1: household 7 was accepted 1 times and is not there", "lost"),
        ("I1: household 7 was accepted 2 times and is there", "doubled"),
        ("I1: e2e-1 was acknowledged as 7 and is nothing", "lost"),
        ("I1: e2e-1 was acknowledged as 7 and is 7, 8", "doubled"),
        ("I2: submissions.karlsruhe/0/3 has 0 verdicts and is not parked", "lost"),
        ("I2: submissions.karlsruhe/0/3 has 1 verdicts and is parked", "doubled"),
        ("I2: submissions.karlsruhe/0/3 has 2 verdicts and is not parked", "doubled"),
        ("I2: the verdict on submissions.karlsruhe/0/3 was told 0 times", "lost"),
        ("intake.ruled:crash I2: the verdict on submissions.karlsruhe/0/3 was told 10 times", "doubled"),
        ("I2: 3 waiting", "lost"),
        ("I3: 7 has two managers at item 2", "doubled"),
        ("mail: message 7 was sent and not caught", "lost"),
        ("mail: 2 messages about (7, 1, 'assigned')", "doubled"),
        ("parked: intake, households/0/3: error:KeyError", "lost"),
        ("lost: 3 submissions have no verdict and are not parked; 2 are of an unknown type", "lost"),
    ],
)
def test_a_fault_is_counted_as_what_it_says(fault: str, sort: str) -> None:
    assert {name for name, number in counted([fault]).items() if number} == {sort}
