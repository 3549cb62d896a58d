"""Programs of the machine that some suites need: found, else installed by root, else their tests are skipped.

`python -m tests.components` installs all of them at once, which `make test` does first. With CI=true a suite that
would be skipped fails, so that nothing goes untested unseen.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "cron": ("cron",),
    "faketime": ("faketime",),
}
"""Debian's package: the names its program may have here."""


def need(*packages: str) -> None:
    """Return when all of them are here; skip the test, naming the command that installs them, when not."""
    absent = install(*packages)
    if absent:
        unavailable(f"not installed: {', '.join(absent)}; as root: apt-get install {' '.join(absent)}")


def unavailable(reason: str) -> NoReturn:
    """Skip the test; fail it in continuous integration."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (a suite may not be skipped with CI=true)", pytrace=False)
    pytest.skip(reason)


def install(*packages: str) -> list[str]:
    """Install what is missing where that is allowed; returns what is missing still."""
    if not missing(packages) or os.geteuid() != 0 or not shutil.which("apt-get"):
        return missing(packages)
    with (Path(tempfile.gettempdir()) / "nomaflow-test-components.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = missing(packages)
        if wanted:
            sys.stderr.write(f"Installing {', '.join(wanted)} for the tests …\n")
            apt = ["apt-get", "--quiet", "--option", "DPkg::Lock::Timeout=600"]
            quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
            for words in (["update"], ["install", "--yes", "--no-install-recommends", *wanted]):
                subprocess.run([*apt, *words], env=quiet, stdout=sys.stderr, check=False)
    return missing(packages)


def missing(packages: tuple[str, ...]) -> list[str]:
    return [package for package in packages if not any(map(shutil.which, PROGRAMS[package]))]


if __name__ == "__main__":
    left = install(*PROGRAMS)
    if left:
        sys.stderr.write(f"Not installed: {', '.join(left)}; tests that need them are skipped.\n")
