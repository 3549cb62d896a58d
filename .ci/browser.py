"""Make sure the test suite has a Chromium: the system's, else one installed now."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser.chromium import NoBrowser, launch


def works() -> bool:
    """Whether Chromium starts."""
    try:
        with sync_playwright() as playwright:
            launch(playwright).close()
    except NoBrowser:
        return False
    return True


def installers() -> list[list[str]]:
    """What may bring a Chromium, the quickest first."""
    brought = [sys.executable, "-m", "playwright", "install", "chromium"]
    if os.geteuid() != 0:
        return [brought]
    if not shutil.which("apt-get"):
        return [[*brought, "--with-deps"]]
    return [
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "chromium"],
        [*brought, "--with-deps"],
    ]


def main() -> int:
    if works():
        return 0
    sys.stderr.write("Installing Chromium for the browser tests …\n")
    for command in installers():
        subprocess.run(command, check=False)  # noqa: S603
        if "install" in command and works():
            return 0
    sys.stderr.write(
        "nomaflow: Chromium does not start. Run `.venv/bin/python -m playwright install --with-deps chromium` "
        "as a user who may install packages, then try again.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
