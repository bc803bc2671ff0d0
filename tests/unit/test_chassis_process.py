"""How a process ends by what nobody foresaw."""

import pytest

from chassis import process

NAME = "Oksana Kovalenko"


async def fails(*_: object, **__: object) -> None:
    try:
        raise ValueError(f"Failing row contains ({NAME})")
    except ValueError as error:
        raise ExceptionGroup("unhandled errors in a TaskGroup", [error]) from error


def test_it_says_where_it_failed_and_repeats_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(process, "_run", fails)
    with pytest.raises(SystemExit) as ended:
        process.run([], worker=True, web=False)
    assert ended.value.code == 1
    assert "ValueError at unit/test_chassis_process.py:" in caplog.text
    assert NAME not in caplog.text + "".join(capfd.readouterr())
