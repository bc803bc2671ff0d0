"""The images of this tree, built once, and one installation of them for the session."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from containers.stack import ROOT, Installation, Stack, build, removed_at_the_end

TAG = "test"


@pytest.fixture(scope="session")
def images() -> str:
    """The tag of this tree's images."""
    build(TAG)
    return TAG


@pytest.fixture(scope="session")
def stack(images: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A project that came up from nothing."""
    with removed_at_the_end(Stack(tmp_path_factory.mktemp("stack"), tag=images)) as stack:
        stack.up()
        yield stack


@pytest.fixture(scope="session")
def installation(stack: Stack) -> Installation:
    """The project with a register and keys."""
    return Installation(stack).furnish()


@pytest.fixture
def tree_before(tmp_path: Path) -> Path:
    """The tree of the commit before this one."""
    tree = tmp_path / "before"
    tree.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD~1"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive, check=True)
    return tree


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(900))
