"""An interrupted run goes on; on other source it begins anew; what went wrong is done again."""

from pathlib import Path
from random import Random

from chaos.inputs import mutated
from chaos.progress import Progress
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


def test_the_same_seed_spoils_alike_and_leaves_the_form_as_it_was() -> None:
    form = a_registration()
    first = [mutated(form, Random(seed)) for seed in range(200)]
    assert first == [mutated(form, Random(seed)) for seed in range(200)]
    assert form == a_registration()
    assert len(set(first)) > 150
