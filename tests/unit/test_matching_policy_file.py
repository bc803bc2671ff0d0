"""A policy that cannot be enacted is refused with line and reason; YAML and JSON are the same to it."""

import pytest
import yaml

from matching.policy import shipped
from matching.policy_file import LARGEST, read

GOOD = """\
version: "2024-01"
units_per_fte: 1200
eligibility:
  - valid_from: 2017-12-01
    valid_until: 2022-03-10
    legal_group: displaced_ukrainian
    stages: []
    source: before
  - valid_from: 2022-03-11
    legal_group: displaced_ukrainian
    stages: [private]
    source: Decree of 11 March 2022
load: {per_case: 5, per_person: 10, per_skill: 5}
points: {shared_language: 300, per_skill: 150, per_km: -3, balance: -1}
answering: {remind_after_days: 3}
"""


def test_a_policy_is_read_from_yaml_and_from_json() -> None:
    policy, faults = read(GOOD.encode())
    assert faults == []
    assert policy is not None
    assert [rule.stages for rule in policy.eligibility] == [(), ("private",)]
    assert read(shipped().model_dump_json(indent=2).encode())[0] == shipped()
    assert read(policy.model_dump_json().encode()) == (policy, [])


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "reason"),
    [
        ("per_case: 5", "per_case: -5", 13, "load.per_case", "greater than or equal to 0"),
        ("units_per_fte: 1200", "units_per_fte: a lot", 2, "units_per_fte", "valid integer"),
        (
            "valid_from: 2022-03-11",
            "valid_from: 2022-03-12",
            9,
            "eligibility.1",
            "no rule of displaced_ukrainian",
        ),
        ("valid_from: 2022-03-11", "valid_from: 2022-03-10", 9, "eligibility.1", "overlaps"),
        ("valid_until: 2022-03-10", "valid_until: 2017-11-30", 1, "", "ends before it begins"),
        ("valid_until: 2022-03-10", "valid_until: 9999-12-31", 9, "eligibility.1", "overlaps"),
        ("stages: [private]", "stages: [castle]", 11, "eligibility.1.stages.0", "Input should be"),
        ("source: before", "source: ''", 8, "eligibility.0.source", "at least 1 character"),
        ("answering: {", "answers: {", 1, "answering", "Field required"),
        ('version: "2024-01"', 'version: "2024-01"\ncolour: red', 2, "colour", "no such field"),
        ("eligibility:", "eligibility: &all", 1, "", ""),
        (
            "    valid_until: 2022-03-10",
            "    valid_untill: 2022-03-10",
            5,
            "eligibility.0.valid_untill",
            "no such field",
        ),
        ("per_case: 5", "per_cas: 1, per_case: 5", 13, "load.per_cas", "no such field"),
        ("valid_from: 2022-03-11", "valid_from: 2022-02-30", 9, "eligibility.1.valid_from", "valid date"),
        ("units_per_fte: 1200", "units_per_fte: 1200\nunits_per_fte: 1", 3, "units_per_fte", "twice"),
        ('version: "2024-01"', 'version: "2024-01"\nid: ukraine', 2, "id", "version"),
        ("version:", "version", 2, "", "mapping values are not allowed"),
        ("source: before", "source: *before", 8, "", ""),
    ],
)
def test_what_is_wrong_is_named_by_line_and_reason(old: str, new: str, line: int, field: str, reason: str) -> None:
    policy, faults = read(GOOD.replace(old, new, 1).encode())
    if new.endswith("&all"):
        assert policy is not None, "an anchor alone does no harm"
        return
    assert policy is None
    assert (faults[0].line, faults[0].field) == (line, field)
    assert reason in faults[0].reason


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"7", b"a: b: c", b"x" * (LARGEST + 1), b"{", b"\x00"])
def test_what_is_no_policy_at_all_is_refused(data: bytes) -> None:
    policy, faults = read(data)
    assert policy is None
    assert faults


def test_references_are_refused_so_that_a_small_file_stays_small() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert read(bomb.encode())[1][0].reason.startswith("references")
    assert yaml.safe_load(bomb)["c"], "it is YAML all the same"
