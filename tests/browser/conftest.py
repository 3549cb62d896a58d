"""A real browser on a real web process. Every page is watched: a script error, a refused resource or a request
to another host fails the test that opened it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests import components
from tests.browser.chromium import NoBrowser, launch
from tests.eventually import eventually
from tests.web import Web, session_cookie, web_process

OpenPage = Callable[..., Page]
expect.set_options(timeout=30_000)  # a busy machine is no fault of the page


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """For one module: Playwright keeps an event loop running in this thread, which others could not bear."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as running:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    try:
        running = launch(playwright)
    except NoBrowser:
        components.need("chromium")
        running = launch(playwright)
    yield running
    running.close()


@pytest.fixture(scope="session")
def web(django_db_setup: None) -> Iterator[Web]:
    subprocess.run([sys.executable, "-m", "nomaflow.frontend"], check=True)
    with web_process() as web:
        yield web


@pytest.fixture
def page_for(browser: Browser, web: Web, transactional_db: None) -> Iterator[OpenPage]:
    """`page_for(user, path, …)` opens a page as a signed-in user, or as nobody; nothing is loaded for a path of None.

    `width`, `height` and `theme` are the viewport's; `expects` lists patterns of faults the test provokes.
    """
    faults: list[str] = []
    contexts = []

    def open_page(
        user: Any = None,
        path: str | None = "/nomaflow",
        *,
        width: int = 1280,
        height: int = 800,
        theme: str = "light",
        expects: tuple[str, ...] = (),
    ) -> Page:
        context = browser.new_context(
            base_url=web.url,
            viewport={"width": width, "height": height},
            color_scheme=theme,  # type: ignore[arg-type]
            locale="en-GB",
            timezone_id="Europe/Paris",
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(20_000)
        if user is not None:
            name, _, value = session_cookie(user).partition("=")
            context.add_cookies([{"name": name, "value": value, "url": web.url}])
        page = context.new_page()
        watch(page, web, lambda fault: None if _meant(fault, expects) else faults.append(fault))
        if path is not None:
            page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    eventually(idle)
    assert faults == []


def idle() -> bool:
    """Nothing asks the database: the web process may still answer a page that is gone, and the next test empties
    the tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
            " AND (state <> 'idle' OR query_start > clock_timestamp() - interval '0.1 s')"
        )
        return bool(cursor.fetchone()[0] == 0)


def watch(page: Page, web: Web, tell: Callable[[str], object]) -> None:
    """Tell of every script error, console error (a breach of the security policy is one) and foreign request."""
    own = (web.url, web.socket_url, "data:", "blob:", "about:")
    page.on(
        "console",
        lambda line: tell(f"console: {line.text}") if line.type == "error" and not left(line.text) else None,
    )
    page.on("pageerror", lambda error: tell(f"script: {error}"))
    page.on("request", lambda asked: None if asked.url.startswith(own) else tell(f"request: {asked.url}"))
    page.on("websocket", lambda asked: None if asked.url.startswith(own) else tell(f"socket: {asked.url}"))


def left(text: str) -> bool:
    """htmx's word for a request cut short because the page was left; one that fails is told by the browser too."""
    return text.startswith(("htmx:afterRequest", "htmx:sendError", "htmx:sendAbort"))


def _meant(fault: str, expects: tuple[str, ...]) -> bool:
    return any(re.search(pattern, fault) for pattern in expects)
