"""The page of one run, as it was left."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from runs_app.models import Run
from runs_app.states import RunState, StepState
from tests.browser import scenes
from tests.browser.conftest import OpenPage
from tests.browser.looks import SIZES, THEMES, assert_fit
from tests.eventually import eventually
from tests.factories import add_lines, make_job, make_run
from tests.people import ann, eve, root

pytestmark = pytest.mark.django_db(transaction=True)
PICTURE = Path(__file__).parents[2] / "docs/images/run.png"


def address(run: Run, rest: str = "") -> str:
    return f"/nomaflow/runs/{run.run_id}{rest}"


def settled(page: Page) -> Page:
    """The log is loaded and the connection's sentence stands."""
    expect(page.locator("[data-live-text]").last).not_to_have_text("Loading…")
    expect(page.locator(".log-row").first).to_be_attached()
    return page


def numbers(page: Page) -> list[int]:
    """The line numbers of the rows drawn."""
    return page.locator(".log-row").evaluate_all("rows => rows.map(row => Number(row.dataset.seq))")


def test_every_part_is_shown(page_for: OpenPage) -> None:
    job = scenes.nightly()
    scenes.history(job)
    page = settled(page_for(ann(), address(scenes.interesting(job))))
    head = page.locator("#run-head")
    for words in (
        "3 / 5 steps · 1 skipped",
        "queued 240 ms",
        "started",
        "finished",
        "4 m 29 s",
        "usual 4 m",
        "cron",
        "INFO",
        "v1",
    ):
        expect(head).to_contain_text(words)
    expect(head.locator(".badge")).to_have_text("Failed")
    expect(head.locator(".run-reason")).to_have_text(
        "send-summary: TimeoutError: no answer from reports.example.com within 30 s"
    )
    expect(head.get_by_role("link", name=job.id)).to_have_attribute("href", f"/nomaflow/jobs/{job.id}")
    zones = head.locator("time").first.get_attribute("title") or ""
    assert (zones.count("·"), "UTC" in zones) == (2, True), zones
    head.get_by_text("Parameters").click()
    expect(head.locator("pre")).to_contain_text('"region": "eu"')
    steps = page.locator(".step")
    expect(steps).to_have_count(5)
    expect(steps.nth(0)).to_contain_text("336,776 rows")
    expect(steps.nth(3)).to_contain_text("skipped: disabled")
    expect(steps.nth(4).locator(".gantt-wait")).to_have_count(1)
    expect(steps.nth(4).locator(".gantt-bar")).to_have_count(2)
    assert "python" in (steps.nth(4).locator("button").get_attribute("title") or "")
    expect(head.get_by_role("button", name="Cancel")).to_have_count(0)


def test_a_step_opens_with_input_output_rows_and_error(page_for: OpenPage) -> None:
    page = settled(page_for(ann(), address(scenes.interesting(scenes.nightly()))))
    page.locator("[data-step-filter='2']").click()
    step = page.locator("#step-2")
    expect(step.locator(".preview th")).to_have_text(["carrier", "flights", "average_delay"])
    expect(step.locator(".preview tbody tr").first.locator("td")).to_have_text(["UA", "58,665", "3.56"])
    step.get_by_text("Input", exact=True).click()
    expect(step.locator(".fold pre")).to_contain_text("••••••")
    page.locator("[data-step-filter='5']").click()
    failed = page.locator("#step-5")
    expect(step.locator(".step-more")).not_to_be_visible()
    expect(failed.locator("pre").first).to_contain_text("Traceback (most recent call last)")
    expect(page.locator("log-view")).to_have_attribute("step", "5")
    first = failed.get_by_role("link", name="log line").first
    first.click()
    line = (first.get_attribute("href") or "").removeprefix("#L")
    expect(page.locator(f".log-row.log-marked[data-seq='{line}']")).to_be_visible()
    page.get_by_role("button", name="All lines").click()
    expect(failed.locator(".step-more")).not_to_be_visible()


def test_a_failed_run_opens_at_its_first_error(page_for: OpenPage) -> None:
    page = settled(page_for(ann(), address(scenes.interesting(scenes.nightly()))))
    expect(page.locator(".log-marked")).to_contain_text("Traceback")


def test_filters_and_links_of_the_log(page_for: OpenPage) -> None:
    run = make_run(make_job())
    add_lines(run, [f"plain {n}" for n in range(1, 31)], step=1)
    add_lines(run, ["careful"], level=2, step=2)
    add_lines(run, ["broken"], level=3, step=2)
    page = settled(page_for(ann(), address(run, "#L7-L9")))
    expect(page.locator(".log-marked")).to_have_count(3)
    for letter in ("D", "I"):
        page.locator("log-tools").get_by_role("button", name=letter).first.click()
    assert eventually(lambda: numbers(page) == [31, 32])
    page.locator("log-tools").get_by_role("button", name="I").first.click()
    page.locator("log-tools input").fill("PLAIN 2")
    assert eventually(lambda: numbers(page) == [2, *range(20, 30)])
    page.locator("log-tools input").fill("")
    page.locator("[data-step-filter='2']").click()
    assert eventually(lambda: numbers(page) == [31, 32])
    page.get_by_role("button", name="Next error").click()
    expect(page.locator(".log-marked")).to_contain_text("broken")
    assert page.url.endswith("#L32")
    page.reload()
    expect(settled(page).locator(".log-marked")).to_contain_text("broken")
    page.get_by_role("button", name="Wrap").click()
    expect(page.locator("log-view[wrap]")).to_be_attached()


def test_the_log_is_saved_as_a_file(page_for: OpenPage) -> None:
    run = make_run(make_job(), lines=["one", "two"])
    page = settled(page_for(ann(), address(run)))
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").click()
    assert waiting.value.suggested_filename == f"{run.run_id}.log"
    text = Path(waiting.value.path()).read_text()
    assert [line.split()[-1] for line in text.splitlines()] == ["one", "two"]


def test_what_was_cut_and_what_wrote_nothing_is_said(page_for: OpenPage) -> None:
    run = make_run(make_job(), log_dropped_lines=1234, log_dropped_bytes=567_890)
    add_lines(run, ["only of the first"], step=1)
    page = settled(page_for(ann(), address(run)))
    expect(page.locator("#log-notice")).to_have_text("1,234 lines, 555 KB beyond the limit were not kept.")
    page.locator("[data-step-filter='2']").click()
    expect(page.locator(".log-empty")).to_have_text("This step wrote nothing.")


def test_a_hundred_thousand_lines_stay_light(page_for: OpenPage) -> None:
    run = scenes.many_lines(make_job(), 100_000, marks=[40_000])
    page = settled(page_for(ann(), address(run)))
    expect(page.locator(".log-count")).to_have_text("100,000 lines", timeout=60_000)
    assert page.locator(".log-row").count() < 300
    page.get_by_role("button", name="Next error").click()
    expect(page.locator(".log-marked")).to_contain_text("row group 40000 of")
    assert page.locator(".log-row").count() < 300
    assert page.evaluate("window.find('row group 77777 of')")
    page.get_by_role("button", name="Follow").click()
    expect(page.locator(".log-row[data-seq='100000']")).to_be_visible()
    assert page.locator(".log-row").count() < 300


def test_markup_is_shown_as_text_everywhere(page_for: OpenPage) -> None:
    evil = scenes.EVIL
    scene = scenes.Scene(
        make_job(), RunState.FAILED, trigger_detail=evil[:60], snapshot={"params": {evil: evil}}
    )
    preview = [{evil: evil}]
    scene.step(
        scenes.GOOD, (1, 2, scenes.GOOD), name=evil[:100], output={evil: evil, "rows_preview": preview}
    )
    scene.log(2, 1, evil, source=1, logger=evil[:100])
    error = {"error_class": evil[:100], "error_message": evil, "traceback": evil}
    scene.step(StepState.FAILED, (2, 3, StepState.FAILED), **error)
    run = scene.done(3, reason=evil, reason_code="step_failed", log_dropped_lines=1)
    page = settled(page_for(ann(), address(run)))
    page.locator("[data-step-filter='1']").click()
    page.locator("[data-step-filter='2']").click()
    page.evaluate("document.body.dispatchEvent(new CustomEvent('nf:run'))")
    expect(page.locator(".run-reason")).to_contain_text(evil)
    page.goto("/nomaflow/runs")
    expect(page.locator(".row-said")).to_contain_text("<img src=x")
    assert page.locator("img, main script").count() == 0


def test_who_may_not_see_it_finds_nothing(page_for: OpenPage) -> None:
    run = make_run(make_job())
    page = page_for(eve(), address(run), expects=("404",))
    expect(page.locator("h1")).to_contain_text("404")
    assert run.job_id not in page.content()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES)
def test_it_fits_and_is_accessible(page_for: OpenPage, theme: str, size: tuple[int, int]) -> None:
    width, height = size
    for run in (
        scenes.interesting(scenes.nightly()),
        scenes.retrying(scenes.nightly("ann-retrying")),
        make_run(make_job("ann-waiting"), RunState.QUEUED),
    ):
        page = page_for(ann(), address(run), width=width, height=height, theme=theme)
        expect(page.locator("log-view .log-count")).not_to_be_empty()
        if run.state == RunState.FAILED:
            page.locator("[data-step-filter='5']").click()
        assert_fit(page)


def test_the_picture_of_the_readme(page_for: OpenPage, tmp_path: Path) -> None:
    """Taken each time, kept as the README's with NOMAFLOW_SCREENSHOTS=1."""
    job = scenes.nightly("nightly-reporting-refresh")
    scenes.history(job)
    page: Any = settled(page_for(root(), address(scenes.interesting(job)), width=1440, height=900))
    page.locator("[data-step-filter='5']").click()
    page.locator("[data-step-filter='']").click()
    page.locator("[data-step-filter='2']").click()
    page.locator("[data-step-filter='']").click()
    expect(page.locator("live-feed")).to_contain_text("Live")
    page.evaluate("document.fonts.ready")
    page.screenshot(path=tmp_path / "run.png", animations="disabled")
    kept = PICTURE if os.environ.get("NOMAFLOW_SCREENSHOTS") else tmp_path / "kept.png"
    whole = Image.open(tmp_path / "run.png").convert("RGB")
    whole.quantize(128, dither=Image.Dither.NONE).save(kept, optimize=True)
    assert kept.stat().st_size < 200_000
