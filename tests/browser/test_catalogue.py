"""The jobs' page as an operator uses it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from runs_app import lifecycle
from runs_app.dispatch import dispatch
from runs_app.models import Run
from tests.browser.catalogue_data import fill
from tests.browser.conftest import OpenPage
from tests.browser.looks import SIZES, THEMES, assert_fit
from tests.eventually import eventually
from tests.factories import make_job, puppet_step
from tests.people import ann, bob, eve, person, root

pytestmark = pytest.mark.django_db(transaction=True)


def card(page: Page, job_id: str) -> Locator:
    return page.locator(f"#job-{job_id}")


def test_a_card_has_its_nine_pieces(page_for: OpenPage) -> None:
    fill()
    page = page_for(ann())
    healthy = card(page, "ann-healthy")
    expect(healthy.get_by_role("heading")).to_have_text("ann-healthy")
    expect(healthy.locator(".job-head .badge")).to_have_text("Succeeded")
    expect(healthy.locator(".job-head .badge")).to_have_attribute("href", re.compile("/nomaflow/runs/run_"))
    expect(healthy.locator(".job-tags")).to_have_text("etlnightly")
    expect(healthy.get_by_role("switch")).to_be_checked()
    expect(healthy.locator(".job-description")).to_have_text("copies the orders")
    expect(healthy.locator("code")).to_have_text("0 2 * * *")
    expect(healthy.locator(".job-next time")).to_have_text(re.compile(r"in \d"))
    expect(healthy.locator(".job-next time")).to_have_attribute("title", re.compile(r"02:00:00 (CET|GMT\+1)"))
    expect(healthy.get_by_text("2 steps")).to_be_visible()
    expect(healthy.locator("svg.spark")).to_have_attribute(
        "aria-label", "Last 20 runs: 19 succeeded, 1 failed"
    )
    expect(healthy.locator(".job-skipped")).to_contain_text("single-instance, previous still running")
    expect(card(page, "ann-failing").locator(".job-error")).to_contain_text(
        "copy-orders · TimeoutError: no answer from ldap.example.com:636 within 30 s"
    )
    expect(card(page, "ann-single").get_by_text("manual-only")).to_be_visible()
    expect(card(page, "ann-paused").locator(".job-next")).to_have_text("paused")
    expect(page.locator(".job-id")).to_have_text(
        ["ann-failing", "ann-healthy", "ann-paused", "ann-running", "ann-single"]
    )


def test_run_now_fires_a_plain_job_at_once_and_cancel_ends_it(page_for: OpenPage) -> None:
    make_job("ann-plain", params={}, steps=[puppet_step("only")])
    page = page_for(ann())
    plain = card(page, "ann-plain")
    expect(plain.get_by_role("button", name="Cancel")).to_have_count(0)
    plain.get_by_role("button", name="Run ann-plain now").click()
    expect(plain.locator(".badge")).to_have_text("Queued")
    expect(plain.get_by_role("button", name="Run now")).to_have_attribute(
        "title", "Already running: one run at a time"
    )
    assert Run.objects.get().triggered_by == "user:ann"
    plain.get_by_role("button", name="Cancel the run of ann-plain").click()
    expect(plain.locator(".badge")).to_have_text("Canceled")
    expect(plain.get_by_role("button", name="Run ann-plain now")).to_be_enabled()


def test_a_run_somebody_else_starts_shows_without_a_reload(page_for: OpenPage) -> None:
    job = make_job("ann-live")
    page = page_for(ann())
    expect(page.locator("[data-live-text]")).to_have_text("Live")
    run = dispatch(job, triggered_by="cron")
    expect(card(page, "ann-live").locator(".badge")).to_have_text("Queued")
    assert lifecycle.claim(run.pk, worker="w") is not None
    expect(card(page, "ann-live").locator(".badge")).to_have_text("Running")
    expect(page.locator("#job-tally")).to_have_text("1 running")
    expect(page.locator(".nav-count")).to_have_text("1")


def test_a_jobs_own_page_is_live_too(page_for: OpenPage) -> None:
    job = make_job("ann-live")
    page = page_for(ann(), "/nomaflow/jobs/ann-live")
    expect(page.locator("[data-live-text]")).to_have_text("Live")
    run = dispatch(job, triggered_by="cron")
    expect(page.locator(".detail-head .badge")).to_have_text("Queued")
    expect(page.locator(".run-lines")).to_contain_text(run.run_id)


def test_without_the_socket_what_runs_is_asked_for(page_for: OpenPage) -> None:
    run = dispatch(make_job("ann-polled"), triggered_by="cron")
    page = page_for(ann(), None, expects=("WebSocket",))
    page.route_web_socket("**/ws/feed", lambda socket: socket.close())
    page.goto("/nomaflow")
    polled = card(page, "ann-polled")
    expect(polled.locator(".badge")).to_have_text("Queued")
    lifecycle.request_cancel(run, by="user:ann")
    expect(polled.locator(".badge")).to_have_text("Canceled")
    expect(page.locator("[data-live-text]")).not_to_have_text("Live")


def test_a_click_without_an_answer_is_told_at_its_button(page_for: OpenPage) -> None:
    make_job("ann-asking", params={"days": 3})
    make_job("ann-plain", params={}, steps=[puppet_step("only")])
    page = page_for(ann(), expects=("ERR_INTERNET_DISCONNECTED", "WebSocket"))
    page.context.set_offline(True)
    for job in ("ann-plain", "ann-asking"):
        card(page, job).get_by_role("button", name="Run").click()
        expect(card(page, job)).to_contain_text("Nomaflow does not answer; nothing was started.")
    assert not Run.objects.exists()
    page.context.set_offline(False)
    card(page, "ann-asking").get_by_role("button", name="Run").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("dialog").get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("Nomaflow does not answer; nothing was started.")


def test_while_nobody_answers_one_card_asks_for_all(page_for: OpenPage) -> None:
    for n in range(3):
        dispatch(make_job(f"ann-{n}"), triggered_by="cron")
    page = page_for(ann(), expects=("ERR_INTERNET_DISCONNECTED", "WebSocket"))
    expect(page.locator("[data-job][data-running]")).to_have_count(3)
    asked: list[str] = []
    page.on("requestfailed", lambda request: asked.append(request.url))
    page.context.set_offline(True)
    assert eventually(lambda: len(asked) > 1 or page.wait_for_timeout(50))
    assert len(set(asked)) == 1, asked
    page.context.set_offline(False)
    expect(page.locator("[data-live-text]")).to_have_text("Live")


def test_the_switch_shows_only_what_is_saved(page_for: OpenPage) -> None:
    job = make_job("ann-switched", schedule="0 2 * * *")
    page = page_for(ann(), expects=("Failed to load resource", "ERR_FAILED"))
    switch = card(page, "ann-switched").get_by_role("switch")
    held: list[Route] = []
    page.route("**/disable", lambda route: held.append(route))
    switch.click()
    expect(page.locator("enabled-switch[data-saving]")).to_be_visible()
    expect(switch).to_be_checked()
    held[0].abort()
    expect(page.locator("enabled-switch [data-error]")).to_have_text(
        "Not saved: the server could not be reached"
    )
    expect(switch).to_be_checked()
    page.unroute("**/disable")
    switch.click()
    expect(switch).not_to_be_checked()
    expect(card(page, "ann-switched").locator(".job-next")).to_have_text("paused")
    eventually(lambda: not type(job).objects.get(pk=job.pk).enabled)


def test_the_filter_narrows_and_stays_in_the_address(page_for: OpenPage) -> None:
    fill()
    page = page_for(ann())
    page.get_by_role("searchbox").fill("tag:ldap state:failed")
    expect(page.locator(".job-card")).to_have_count(1)
    expect(page.locator("#job-count")).to_have_text("1 of 5 jobs")
    expect(page).to_have_url(re.compile(r"\?q=tag(:|%3A)ldap"))
    page.reload()
    expect(page.locator(".job-card")).to_have_count(1)
    page.get_by_role("searchbox").fill("nothing like it")
    expect(page.get_by_text("No job matches this filter.")).to_be_visible()
    page.get_by_role("link", name="Show all jobs").click()
    expect(page.locator(".job-card")).to_have_count(5)


def test_each_sees_what_they_may_do(page_for: OpenPage) -> None:
    fill()
    page = page_for(bob())
    expect(page.get_by_role("switch")).to_have_count(0)
    expect(page.get_by_role("button", name="Run ann-single now")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    viewer = page_for(person("vic", "job:ann-single:view"))
    expect(viewer.locator(".job-card")).to_have_count(1)
    expect(viewer.get_by_role("button", name="Run")).to_have_count(0)
    stranger = page_for(eve())
    expect(stranger.get_by_text("No job is shared with you yet.")).to_be_visible()


def test_an_empty_catalogue_teaches(page_for: OpenPage) -> None:
    page = page_for(root())
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    expect(page.get_by_text("nomaflow job import hello.toml")).to_be_visible()
    assert_fit(page)


def test_a_job_one_may_not_see_is_not_there(page_for: OpenPage) -> None:
    make_job("ann-secret")
    page = page_for(eve(), "/nomaflow/jobs/ann-secret", expects=("404",))
    expect(page.get_by_role("heading", name="404")).to_be_visible()
    expect(page.get_by_role("link", name="Runs")).to_be_visible()
    assert_fit(page)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("path", ["/nomaflow", "/nomaflow/jobs/ann-healthy", "/nomaflow/jobs/ann-failing"])
def test_it_fits(page_for: OpenPage, path: str, theme: str, width: int, height: int) -> None:
    fill()
    page = page_for(ann(), path, theme=theme, width=width, height=height)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert_fit(page)
