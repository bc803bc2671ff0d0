"""Every step that names a fail point is fired by `make chaos`, and nothing else is."""

from chaos.failpoints import names, reached


def test_every_fail_point_stands_once_and_is_fired() -> None:
    found = names()
    assert len(found) == len(set(found)), "two places share a name: which one has fired, nobody could say"
    assert set(found) == set(reached())
    assert len(found) >= 40
