"""The run dialog: what one fire may change, and that only changes are sent."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from jobs_app import connectors
from jobs_app.models import Job
from runs_app.models import Run
from tests.browser.conftest import OpenPage
from tests.browser.looks import SIZES, THEMES, assert_fit
from tests.factories import make_job, python_step
from tests.people import ann, person

pytestmark = pytest.mark.django_db(transaction=True)

PARAMS = {
    "days": 3,
    "dry_run": False,
    "target_connector": "reporting",
    "note": "",
    "limits": {"rows": [1, 2]},
}


def opened(page: Page, job_id: str = "ann-nightly") -> Locator:
    page.get_by_role("button", name=f"Run {job_id} now").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


@pytest.fixture
def job() -> Job:
    for name in ("reporting", "sandbox"):
        connectors.save_connector(
            {"name": name, "kind": "sqlite", "path": f"/nonexistent/{name}.db"}, actor="test"
        )
    person("ann", "connector:*")
    return make_job(
        params=PARAMS,
        steps=[python_step("copy-orders", table="orders", ratio=0.5), python_step("send-summary")],
    )


def test_only_changes_are_shown_and_sent(page_for: OpenPage, job: Job) -> None:
    page = page_for(ann())
    dialog = opened(page)
    expect(dialog.get_by_role("button", name="Run", exact=True)).to_be_visible()
    dialog.get_by_label("days", exact=True).fill("10")
    dialog.get_by_label("dry_run", exact=True).check()
    dialog.get_by_label("target_connector", exact=True).select_option("sandbox")
    dialog.get_by_label("ratio", exact=True).fill("0.25")
    dialog.get_by_label("send-summary").uncheck()
    expect(dialog.get_by_text("will be skipped").last).to_be_visible()
    expect(dialog.get_by_role("status")).to_have_text("5 changes")
    row = dialog.locator('[data-field*="days"]')
    expect(row.locator(".run-was")).to_contain_text("was 3")
    row.get_by_role("button", name="Put days back").click()
    expect(dialog.get_by_label("days", exact=True)).to_have_value("3")
    dialog.get_by_text("What will be sent").click()
    expect(dialog.locator("[data-preview]")).to_contain_text('"target_connector": "sandbox"')
    dialog.get_by_role("button", name="Run with 4 changes").click()
    expect(page).to_have_url(re.compile(r"/nomaflow/runs/run_"))
    snapshot = Run.objects.get().snapshot
    assert snapshot["params"] == {**PARAMS, "dry_run": True, "target_connector": "sandbox"}
    assert snapshot["op_kwargs"]["copy-orders"]["ratio"] == 0.25
    assert snapshot["step_enabled"] == {"copy-orders": True, "send-summary": False}


def test_it_opens_on_the_jobs_own_page(page_for: OpenPage, job: Job) -> None:
    page = page_for(ann(), "/nomaflow/jobs/ann-nightly")
    opened(page).get_by_role("button", name="Run", exact=True).click()
    expect(page).to_have_url(re.compile(r"/nomaflow/runs/run_"))


def test_what_cannot_be_read_is_said_at_its_field(page_for: OpenPage, job: Job) -> None:
    dialog = opened(page_for(ann()))
    dialog.get_by_label("days", exact=True).fill("many")
    expect(dialog.get_by_role("alert")).to_have_text("This must be a whole number.")
    expect(dialog.locator("[type=submit]")).to_be_disabled()
    dialog.get_by_label("days", exact=True).fill("4")
    dialog.get_by_label("limits", exact=True).fill("{rows}")
    expect(dialog.get_by_role("alert")).to_have_text("This is not valid JSON.")


def test_a_refusal_is_told_at_the_field_it_names(page_for: OpenPage, job: Job) -> None:
    dialog = opened(page_for(ann(), expects=("400",)))
    make_job(params={"region": "eu"})
    dialog.get_by_label("days", exact=True).fill("9")
    dialog.get_by_role("button", name="Run with 1 change").click()
    expect(dialog.get_by_role("alert")).to_have_text("“days” is not a parameter of ann-nightly.")
    expect(dialog.get_by_label("days", exact=True)).to_be_focused()


def test_steps_all_and_none_and_the_focus_comes_back(page_for: OpenPage, job: Job) -> None:
    page = page_for(ann())
    dialog = opened(page)
    dialog.get_by_role("button", name="None").click()
    expect(dialog.get_by_text("No step is left")).to_be_visible()
    dialog.get_by_role("button", name="All").click()
    expect(dialog.get_by_role("button", name="Run", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Run ann-nightly now")).to_be_focused()


def test_it_opens_on_its_first_field_so_that_enter_does_not_close_it(page_for: OpenPage, job: Job) -> None:
    page = page_for(ann())
    dialog = opened(page)
    expect(dialog.get_by_label("Log level")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/nomaflow/runs/run_"))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_fits(page_for: OpenPage, job: Job, theme: str, width: int, height: int) -> None:
    page = page_for(ann(), theme=theme, width=width, height=height)
    dialog = opened(page)
    dialog.get_by_label("days", exact=True).fill("x")
    dialog.get_by_label("send-summary").uncheck()
    assert_fit(page)
