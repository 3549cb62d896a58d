"""Make sure the test suite has a Chromium: the one Playwright knows, else installed now."""

from __future__ import annotations

import os
import subprocess
import sys

from playwright.sync_api import Error, sync_playwright


def works() -> bool:
    """Whether Chromium starts and shows a page."""
    try:
        with sync_playwright() as playwright:
            playwright.chromium.launch(args=["--no-sandbox"]).close()
    except Error:
        return False
    return True


def main() -> int:
    if works():
        return 0
    sys.stderr.write("Installing Chromium for the browser tests …\n")
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    if os.geteuid() == 0:
        command.insert(-1, "--with-deps")  # its libraries come from the system's packages
    subprocess.run(command, check=False)  # noqa: S603
    if works():
        return 0
    sys.stderr.write(
        "nomaflow: Chromium does not start. Run `.venv/bin/python -m playwright install --with-deps chromium` "
        "as a user who may install packages, then try again.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
