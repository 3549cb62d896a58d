"""The list of runs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from runs_app import lifecycle
from runs_app.dispatch import dispatch
from runs_app.models import Run
from runs_app.states import RunState
from tests.browser import scenes
from tests.browser.conftest import OpenPage
from tests.browser.looks import SIZES, THEMES, assert_fit
from tests.factories import make_job, make_run
from tests.people import ann

pytestmark = pytest.mark.django_db(transaction=True)


def make_many(job: Any, count: int, **fields: Any) -> list[Run]:
    now = timezone.now()
    return [
        make_run(job, queued_at=now, started_at=now, finished_at=now + timedelta(seconds=n), **fields)
        for n in range(count)
    ]


def shown(page: Page) -> list[str]:
    return page.locator("tbody .cell-id").all_inner_texts()


def test_filters_live_in_the_address(page_for: OpenPage) -> None:
    make_many(make_job("ann-one"), 2)
    bad = scenes.interesting(scenes.nightly("ann-two"))
    page = page_for(ann(), "/nomaflow/runs")
    expect(page.locator("tbody tr")).to_have_count(3)
    row = page.locator(f"#row-{bad.run_id}")
    expect(row).to_contain_text("3 / 5 · 1 skipped — failed at send-summary")
    expect(row.locator(".error-text")).to_contain_text("TimeoutError: no answer")
    page.get_by_label("Job", exact=True).fill("ann-one")
    page.get_by_label("Job", exact=True).blur()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"/nomaflow/runs\?job=ann-one$"))
    page.get_by_label("Job", exact=True).fill("")
    page.get_by_label("Job", exact=True).blur()
    page.get_by_role("link", name="Failed").click()
    expect(page).to_have_url(re.compile(r"state=FAILED"))
    assert shown(page) == [bad.run_id]
    page.get_by_role("link", name="Succeeded").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_placeholder("Job, reason, trigger or run id").fill("zzz")
    expect(page.locator(".empty")).to_contain_text("No run matches these filters.")
    assert "state=" in page.url
    page.get_by_role("link", name="Clear the filters").click()
    expect(page).to_have_url(re.compile(r"/nomaflow/runs$"))
    expect(page.locator("tbody tr")).to_have_count(3)


def test_older_pages_follow_without_gap_or_repeat(page_for: OpenPage) -> None:
    runs = make_many(make_job(), 120)
    page = page_for(ann(), "/nomaflow/runs")
    seen = shown(page)
    for _page in range(2):
        page.get_by_role("link", name="Older").click()
        page.wait_for_load_state()
        seen += shown(page)
    assert seen == [run.run_id for run in reversed(runs)]
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    page.get_by_role("link", name="Newest").click()
    expect(page.locator("tbody .cell-id").first).to_have_text(runs[-1].run_id)


def test_rows_are_live_and_stand_still_while_they_are_read(page_for: OpenPage) -> None:
    make_many(make_job(), 50)
    job = make_job("ann-live")
    page = page_for(ann(), "/nomaflow/runs")
    expect(page.locator("live-feed")).to_contain_text("Live")
    run = dispatch(job, triggered_by="user:ann")
    expect(page.locator(f"#row-{run.run_id} .badge")).to_have_text("Queued")
    lifecycle.request_cancel(run, by="user:ann")
    expect(page.locator(f"#row-{run.run_id} .badge")).to_have_text("Canceled")
    page.evaluate("scrollTo(0, 600)")
    first = shown(page)
    dispatch(job, triggered_by="user:ann")
    banner = page.get_by_role("button", name="1 new run")
    expect(banner).to_be_visible()
    assert shown(page) == first
    banner.click()
    expect(page.locator("tbody tr").first.locator(".badge")).to_have_text("Queued")
    expect(banner).not_to_be_visible()


def test_an_empty_list_says_what_to_do(page_for: OpenPage) -> None:
    old = timezone.now() - timedelta(days=20)
    run = make_run(make_job(), queued_at=old, started_at=old, finished_at=old)
    page = page_for(ann(), "/nomaflow/runs")
    expect(page.locator(".empty")).to_contain_text("No runs in the last 7 days.")
    page.get_by_role("link", name="Show 30 days").click()
    assert shown(page) == [run.run_id]
    page.get_by_role("combobox", name="Period").select_option("custom")
    page.get_by_role("textbox", name="From").fill(f"{old - timedelta(days=1):%Y-%m-%d}")
    page.get_by_role("textbox", name="To", exact=True).fill(f"{old + timedelta(days=1):%Y-%m-%d}")
    expect(page).to_have_url(re.compile(r"period=custom&from=.*&to="))
    expect(page.locator("tbody tr")).to_have_count(1)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES)
def test_it_fits_and_is_accessible(page_for: OpenPage, theme: str, size: tuple[int, int]) -> None:
    scenes.interesting(scenes.nightly("ann-a-job-with-a-name-that-goes-on-and-on-and-on"))
    scenes.running(scenes.nightly("ann-running"))
    make_run(make_job("ann-skipped"), RunState.SKIPPED, queued_at=timezone.now(), reason="single-instance")
    for path in ("/nomaflow/runs", "/nomaflow/runs?job=ann-running&period=custom", "/nomaflow/runs?q=zzz"):
        page = page_for(ann(), path, width=size[0], height=size[1], theme=theme)
        expect(page.locator("#runs")).to_be_visible()
        assert_fit(page)
