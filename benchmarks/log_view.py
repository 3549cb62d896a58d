"""The log view in a real browser: 100,000 lines, 1,000 more a second, filters, jumps, find.

Run from the repository's root: ``python -m benchmarks.log_view``. Needs Chromium (``/usr/bin/chromium``,
``CHROMIUM`` names another one). Beside it stands a plain page with one element per line.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from nomaflow import frontend

LINES = 100_000
ROUNDS = 3
STREAM_SECONDS = 8
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-precise-memory-info",
    "--js-flags=--expose-gc",
]


def measure() -> list[dict[str, Any]]:
    """The figures: ``limit`` is the promise, ``ratio`` how many times better than the plain page."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        _bundle(folder)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            address = (Path(folder) / "bench.html").as_uri()
            page = _open(browser, address)
            return [*_painted(browser, address, page), *_moves(page), *_streamed(page), *_found(page)]
        finally:
            browser.close()


def _bundle(folder: str) -> None:
    frontend.build()
    code, printed = frontend.find_node().node(["bench/build.mjs", "--out", folder])
    if code:
        raise RuntimeError(printed)


def _open(browser: Browser, address: str) -> Page:
    page = browser.new_page(viewport={"width": 1200, "height": 820})
    page.goto(address)
    return page


def _painted(browser: Browser, address: str, page: Page) -> list[dict[str, Any]]:
    """Interleaved rounds of ours and of the plain page, which gets a browser page of its own each time."""
    ours, plain, ours_heap, plain_heap = [], [], [], []
    for _round in range(ROUNDS):
        other = _open(browser, address)
        plain.append(other.evaluate(f"bench.naive({LINES})"))
        plain_heap.append(_heap(other))
        other.close()
        ours.append(page.evaluate(f"bench.fill({LINES})"))
        ours_heap.append(_heap(page))
    mine, theirs = statistics.median(ours), statistics.median(plain)
    heap = statistics.median(ours_heap)
    return [
        _row("100,000 lines painted", mine / 1000, "s", limit=1.0, ratio=theirs / mine),
        _row("plain page, 100,000 lines painted", theirs / 1000, "s"),
        _row("heap with 100,000 lines", heap, "MB", limit=40),
        _row("plain page, heap", statistics.median(plain_heap), "MB"),
        _row("rows in the DOM", page.evaluate("bench.rows()"), "rows", limit=300),
    ]


def _heap(page: Page) -> float:
    return page.evaluate("(gc(), performance.memory.usedJSHeapSize / 1e6)")


def _moves(page: Page) -> list[dict[str, Any]]:
    steps = {
        "jump to line 50,000": ("bench.goto(50000)", 250),
        "only warnings and errors": ("bench.show({levels: 12})", 250),
        "filter by text": ("bench.show({levels: 15, text: 'checksum stash'})", 400),
        "filter off": ("bench.show({levels: 15, text: ''})", 600),
        "back to the end": ("bench.follow()", 250),
    }
    return [_row(name, page.evaluate(call), "ms", limit=limit) for name, (call, limit) in steps.items()]


def _streamed(page: Page) -> list[dict[str, Any]]:
    still = sorted(page.evaluate("bench.stream(0, 3)")["frames"])
    seen = page.evaluate(f"bench.stream(1000, {STREAM_SECONDS})")
    frames, costs = sorted(seen["frames"]), sorted(seen["costs"])
    return [
        _row("no new lines: frame, 95th percentile", still[int(len(still) * 0.95)], "ms"),
        _row("1,000 lines/s: frame, median", statistics.median(frames), "ms"),
        _row("1,000 lines/s: frame, 95th percentile", frames[int(len(frames) * 0.95)], "ms", limit=50),
        _row("1,000 lines/s: taking 50 lines, median", statistics.median(costs), "ms"),
        _row("1,000 lines/s: long tasks", seen["longTasks"], "tasks", limit=0),
        _row("1,000 lines/s: lines taken", seen["last"] - LINES, "lines"),
        _row("rows in the DOM after that", page.evaluate("bench.rows()"), "rows", limit=300),
    ]


def _found(page: Page) -> list[dict[str, Any]]:
    """`window.find` stands for the browser's own Ctrl+F, which nothing can drive."""
    found, took = page.evaluate(
        "(() => { const t = performance.now(); const f = window.find('line 80000 ', true, true); "
        "return [f, performance.now() - t]; })()"
    )
    return [_row("find line 80,000 with the browser's find", took / 1000 if found else -1, "s", limit=5)]


def _row(
    name: str, value: float, unit: str, *, limit: float | None = None, ratio: float | None = None
) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "limit": limit, "ratio": ratio}


if __name__ == "__main__":
    for row in measure():
        print(json.dumps(row))
