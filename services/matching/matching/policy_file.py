"""Reads a policy from a file, and says of every fault in which line it is and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import attrgetter

import orjson
import yaml
from pydantic import ValidationError

from contracts.policy import Eligibility
from contracts.policy import Policy as PolicyState
from matching.days import day_after

LARGEST = 200_000
"""Bytes; a policy has some thousand."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: the line, the field it is about, and why."""

    line: int
    field: str
    reason: str


def read(data: bytes) -> tuple[PolicyState | None, list[Fault]]:  # noqa: PLR0911 (one for each way to be unreadable)
    """The policy of a file (YAML, of which JSON is a part), or what is wrong with it.

    The file says nothing of its revision: that is given when it is enacted.
    """
    if len(data) > LARGEST:
        return None, [Fault(1, "", f"the file has more than {LARGEST} bytes")]
    try:
        text = data.decode("utf-8-sig")
        root = yaml.compose(text, yaml.SafeLoader)
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            return None, [Fault(1, "", "references to other places of the file (*) are not allowed")]
        content = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader without a resolver)
    except UnicodeDecodeError as error:
        return None, [Fault(data.count(b"\n", 0, error.start) + 1, "", "the file is not encoded in UTF-8")]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [Fault(line, "", error.problem or "this is neither YAML nor JSON")]
    except yaml.YAMLError:
        return None, [Fault(1, "", "this is neither YAML nor JSON")]
    if not isinstance(content, dict) or root is None:
        return None, [Fault(1, "", "a policy is a mapping of fields")]
    if twice := [Fault(node.start_mark.line + 1, node.value, "stated twice") for node in _twice(root)]:
        return None, twice
    return _validated(content, root)


def _validated(content: dict[str, object], root: yaml.Node) -> tuple[PolicyState | None, list[Fault]]:
    try:
        policy = PolicyState.model_validate_json(orjson.dumps(content | {"revision": 1}), strict=True)
    except (ValidationError, orjson.JSONEncodeError) as error:
        if not isinstance(error, ValidationError):
            return None, [Fault(1, "", "there is a value that is neither text, number, date nor list")]
        faults = [
            Fault(_line(root, one["loc"]), ".".join(map(str, one["loc"])), one["msg"])
            for one in error.errors(include_input=False, include_context=False, include_url=False)
        ]
        return None, sorted(faults, key=attrgetter("line"))
    known = policy.model_dump(mode="json")
    unknown = [
        Fault(_line(root, where), ".".join(map(str, where)), "there is no such field")
        for where in _unknown(content, known)
    ]
    faults = sorted([*unknown, *_another_name(policy, root), *_gaps_and_overlaps(policy, root)], key=attrgetter("line"))
    return (None, faults) if faults else (policy, [])


def _another_name(policy: PolicyState, root: yaml.Node) -> Iterator[Fault]:
    """Versions follow each other under one name, which is their key on the topic."""
    if policy.id != (name := PolicyState.model_fields["id"].default):
        yield Fault(_line(root, ("id",)), "id", f"the policy is {name}; what tells two of them apart is version")


def _unknown(stated: object, known: object, where: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """The places of fields that no policy has: a misspelt one would count for nothing."""
    if isinstance(stated, dict) and isinstance(known, dict):
        for name, value in stated.items():
            if name not in known:
                yield (*where, name)
            else:
                yield from _unknown(value, known[name], (*where, name))
    elif isinstance(stated, list) and isinstance(known, list):
        for number, (one, other) in enumerate(zip(stated, known, strict=True)):
            yield from _unknown(one, other, (*where, number))


def _twice(node: yaml.Node) -> Iterator[yaml.Node]:
    """Fields that are stated twice: the later one would win without a word."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for name, value in node.value:
            if name.value in seen:
                yield name
            seen.add(name.value)
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for one in node.value:
            yield from _twice(one)


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Leaves days as they are written: the policy's own check names the line of one that does not exist."""


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _gaps_and_overlaps(policy: PolicyState, root: yaml.Node) -> Iterator[Fault]:
    place = {id(rule): number for number, rule in enumerate(policy.eligibility)}

    def fault(rule: Eligibility, reason: str) -> Fault:
        where = ("eligibility", place[id(rule)])
        return Fault(_line(root, where), ".".join(map(str, where)), reason)

    by_group = sorted(policy.eligibility, key=lambda rule: (rule.legal_group, rule.valid_from))
    for group, rules in groupby(by_group, attrgetter("legal_group")):
        for rule, following in pairwise(rules):
            if rule.valid_until is None:
                continue
            expected = day_after(rule.valid_until)
            if following.valid_from <= rule.valid_until:
                yield fault(following, f"it overlaps with the rule of {group} that holds until {rule.valid_until}")
            elif following.valid_from > expected:
                yield fault(following, f"no rule of {group} holds from {expected} to the day before it")


def _line(node: yaml.Node, where: tuple[int | str, ...]) -> int:
    """The line of a field, or of the nearest one around it that is there."""
    for step in where:
        inner = None
        if isinstance(node, yaml.MappingNode):
            inner = next((value for name, value in node.value if name.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            inner = node.value[step]
        if inner is None:
            break
        node = inner
    return int(node.start_mark.line) + 1
