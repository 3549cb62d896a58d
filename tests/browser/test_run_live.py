"""The page of a run while it runs: a real engine writes, the page follows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Page, WebSocketRoute, expect

from jobs_app.masking import Masker
from runs_app import lifecycle
from runs_app.dispatch import dispatch
from runs_app.models import Run
from runs_app.states import RunState
from tests.browser import scenes
from tests.browser.conftest import OpenPage
from tests.eventually import eventually
from tests.factories import make_job, puppet_step
from tests.people import ann
from workers import engine
from workers.logsink import LogSink

pytestmark = pytest.mark.django_db(transaction=True)
Background = Callable[[Callable[[], Any]], None]


@pytest.fixture
def aside() -> Iterator[Background]:
    """Run something in a thread with connections of its own."""
    threads = []

    def start(work: Callable[[], Any]) -> None:
        def body() -> None:
            try:
                work()
            finally:
                connections.close_all()

        threads.append(threading.Thread(target=body))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(60)


@pytest.fixture
def held(transactional_db: None) -> Iterator[tuple[Run, LogSink]]:
    """A RUNNING run whose log the test writes."""
    run = dispatch(make_job("ann-held"), triggered_by="user:ann")
    claim = lifecycle.claim(run.pk, worker="w")
    assert claim
    sink = LogSink(claim, level=0, limit=10**9, first_seq=1, masker=Masker(()))
    yield run, sink
    sink.give_up()


def write(sink: LogSink, *, count: int) -> None:
    for _n in range(count):
        sink.write(1, f"line {sink.next_seq}")
    sink.flush()


def seqs(page: Page) -> list[int]:
    """Every line the log holds, in its order."""
    script = """view => { const m = view.model, all = [];
      for (let p = m.low; p < m.high; p += 1) all.push(m.at(p)); return all }"""
    return page.locator("log-view").evaluate(script)


def holds(page: Page, count: int) -> bool:
    return seqs(page) == list(range(1, count + 1))


def test_queued_to_succeeded_without_a_reload(page_for: OpenPage, aside: Background) -> None:
    steps = [
        puppet_step("flood", act="flood", times=500),
        puppet_step("slow", act="deaf", times=3),
        puppet_step("last"),
    ]
    run = dispatch(make_job("ann-live", steps=steps), triggered_by="user:ann")
    page = page_for(ann(), f"/nomaflow/runs/{run.run_id}")
    expect(page.locator("#run-head .badge")).to_have_text("Queued")
    expect(page.locator("live-run")).to_have_text("Live log · streaming")
    page.locator("#run-snapshot summary").click()
    page.locator("[data-step-filter='2']").click()
    aside(lambda: engine.execute(run.pk, worker="test/1"))
    expect(page.locator("#run-head .badge")).to_have_text("Running")
    expect(page.locator("#step-1 .step-row .state-icon")).to_contain_text("Succeeded")
    expect(page.locator("#step-2 .step-row .state-icon")).to_contain_text("Running")
    expect(page.locator("#run-head .badge")).to_have_text("Succeeded", timeout=60_000)
    expect(page.locator("live-run")).to_have_text("Log · complete")
    expect(page.locator("#step-3")).to_contain_text("3 rows")
    # What the reader had opened and chosen is as they left it.
    expect(page.locator("#run-snapshot")).to_have_attribute("open", "")
    expect(page.locator("log-view")).to_have_attribute("step", "2")
    expect(page.locator("[data-step-filter='2']")).to_have_attribute("aria-pressed", "true")
    page.locator("[data-step-filter='']").click()
    total = Run.objects.get(pk=run.pk).log_last_seq
    assert total > 500
    assert eventually(lambda: holds(page, total))
    page.reload()
    assert eventually(lambda: holds(page, total))


def test_a_socket_cut_again_and_again_loses_and_repeats_nothing(
    page_for: OpenPage, held: tuple[Run, LogSink]
) -> None:
    run, sink = held
    page = page_for(ann(), "/nomaflow/runs")
    sockets: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    page.route_web_socket(lambda url: "/ws/runs/" in url, pass_on)
    page.goto(f"/nomaflow/runs/{run.run_id}")
    expect(page.locator("live-run")).to_have_text("Live log · streaming")
    for round_ in range(1, 4):
        write(sink, count=150)
        sockets[-1].close(code=1011)
        write(sink, count=150)
        assert eventually(lambda: len(sockets) > round_ or page.wait_for_timeout(50))  # noqa: B023
        assert eventually(lambda: holds(page, round_ * 300) or page.wait_for_timeout(50))  # noqa: B023
    expect(page.locator("live-run")).to_have_text("Live log · streaming")


def test_without_sockets_the_page_says_so_and_asks(page_for: OpenPage, held: tuple[Run, LogSink]) -> None:
    run, sink = held
    page = page_for(ann(), "/nomaflow/runs")
    page.route_web_socket("**/ws/**", lambda socket: socket.close(code=1011))
    page.goto(f"/nomaflow/runs/{run.run_id}")
    expect(page.locator("live-run")).to_contain_text("reconnecting…")
    write(sink, count=20)
    assert eventually(lambda: holds(page, 20) or page.wait_for_timeout(50))
    lifecycle.finish(sink.claim, RunState.SUCCEEDED, log=(20, 0, 0))
    expect(page.locator("#run-head .badge")).to_have_text("Succeeded")
    expect(page.locator("live-run")).to_have_text("Log · complete")


def test_a_cancel_without_an_answer_is_told_at_its_button(page_for: OpenPage) -> None:
    run = dispatch(make_job("ann-away"), triggered_by="user:ann")
    page = page_for(ann(), f"/nomaflow/runs/{run.run_id}", expects=("ERR_INTERNET_DISCONNECTED", "WebSocket"))
    expect(page.locator("live-run")).to_have_text("Live log · streaming")
    sentence = "Nomaflow does not answer; nothing was canceled."
    page.context.set_offline(True)
    page.locator("#run-head").get_by_role("button", name="Cancel").click()
    expect(page.locator("#run-head").get_by_role("alert")).to_have_text(sentence)
    page.context.set_offline(False)
    page.locator("#run-head").get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.context.set_offline(True)
    dialog.get_by_role("button", name="Cancel the run").click()
    expect(dialog.get_by_role("alert")).to_have_text(sentence)


def test_a_cancel_is_asked_told_and_done(page_for: OpenPage, aside: Background) -> None:
    job = make_job("ann-cancel", steps=[puppet_step("hangs", act="hang"), puppet_step("after")])
    run = dispatch(job, triggered_by="user:ann")
    page = page_for(ann(), f"/nomaflow/runs/{run.run_id}")
    aside(lambda: engine.execute(run.pk, worker="test/1"))
    expect(page.locator("#step-1 .step-row .state-icon")).to_contain_text("Running")
    page.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("hangs")
    expect(dialog).to_contain_text("The puppet drops its hands.")
    dialog.get_by_role("button", name="Keep it running").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Cancel").click()
    dialog.get_by_role("button", name="Cancel the run").click()
    expect(dialog).to_have_count(0)
    expect(page.locator("#run-head .badge")).to_have_text("Canceled")
    expect(page.locator(".run-reason")).to_have_text("Canceled by ann.")
    expect(page.locator("#step-2")).to_contain_text("skipped: run cancelled")
    expect(page.locator("log-view")).to_contain_text("run cancelled by user:ann")


def test_a_step_that_waits_counts_down(page_for: OpenPage) -> None:
    page = page_for(ann(), f"/nomaflow/runs/{scenes.retrying(scenes.nightly()).run_id}")
    note = page.locator("#step-2 .step-note")
    expect(note).to_contain_text("attempt 2 of 3")
    before = note.locator("live-duration").inner_text()
    expect(note.locator("live-duration")).not_to_have_text(before)
    expect(page.locator("#step-2 .gantt-wait")).to_have_count(1)


def test_a_cancel_that_takes_long_says_what_it_waits_for(page_for: OpenPage) -> None:
    run = scenes.running(scenes.nightly())
    lifecycle.request_cancel(run, by="user:ann")
    page = page_for(ann(), f"/nomaflow/runs/{run.run_id}")
    expect(page.locator("#run-head .badge")).to_have_text("Canceling…")
    expect(page.locator(".run-canceling")).to_have_text("canceling…")
    expect(page.locator(".run-canceling")).to_have_text("still waiting for the step", timeout=60_000)
