"""Chromium for the browser tests: the system's own, else the one Playwright brings."""

from __future__ import annotations

import os
import shutil

from playwright.sync_api import Browser, Error, Playwright

SWITCHES = ["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"]


class NoBrowser(RuntimeError):
    """No Chromium starts here; the sentence says how to get one."""


def program() -> str | None:
    """The system's Chromium; None leaves the choice to Playwright."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def launch(playwright: Playwright) -> Browser:
    try:
        return playwright.chromium.launch(executable_path=program(), args=SWITCHES)
    except Error as error:
        raise NoBrowser(_sentence(error)) from error


def _sentence(error: Error) -> str:
    how = "apt-get install chromium" if os.geteuid() == 0 else "python -m playwright install chromium"
    return f"Chromium does not start ({str(error).splitlines()[0]}); try `{how}`"
