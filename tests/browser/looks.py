"""What every page is held to: no axe violation, nothing wider than the window."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = [(1280, 800), (390, 844)]
THEMES = ["light", "dark"]


def violations(page: Page) -> list[str]:
    """What axe objects to: rule, the element, its explanation."""
    found = Axe().run(page, options={"runOnly": TAGS}).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for rule in found
        for node in rule["nodes"]
    ]


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def assert_fit(page: Page) -> None:
    assert violations(page) == []
    assert overflow(page) <= 0
