"""The pages about jobs without a browser: who gets what, at the cost of how many queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs_app import connectors
from jobs_app.cards import one_card
from jobs_app.models import Job
from jobs_app.permissions import permissions_of
from jobs_app.run_form import connector_names, run_form
from runs_app.histories import LENGTH
from runs_app.states import RunState
from tests.factories import make_job, make_run, puppet_step, python_step
from tests.people import ann, bob, eve, person, root

pytestmark = pytest.mark.django_db


@pytest.fixture
def browse() -> Callable[..., Any]:
    def get(user: Any, path: str, **headers: str) -> Any:
        client = Client(headers=headers)
        if user is not None:
            client.force_login(user)
        return client.get(path)

    return get


def queries(client: Client, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in seen]


def test_the_catalogue_asks_as_often_for_forty_jobs_as_for_four() -> None:
    client = Client()
    client.force_login(root())

    def add(numbers: range) -> None:
        for number in numbers:
            job = make_job(f"job-{number:03}")
            for state in (
                RunState.SUCCEEDED,
                RunState.FAILED,
                RunState.RUNNING if number % 2 else RunState.PARTIAL,
            ):
                make_run(job, state)

    add(range(4))
    few = queries(client, "/nomaflow")
    add(range(4, 40))
    many = queries(client, "/nomaflow")
    assert len(many) == len(few), many
    assert len(many) <= 8, "session, user, rights, the jobs, their runs, what failed, the two counts"


def test_a_history_is_the_newest_runs_and_says_what_was_skipped() -> None:
    job = make_job("ann-long")
    for _n in range(LENGTH + 5):
        last = make_run(job)
    for _n in range(LENGTH + 5):
        skipped = make_run(job, RunState.SKIPPED, finished_at=last.finished_at, reason="paused")
    history = one_card(job, permissions_of(root())).history
    assert len(history.runs) == LENGTH
    assert history.last.number == last.pk
    assert history.last.url == f"/nomaflow/runs/{last.run_id}"
    assert (history.skipped.number, history.skipped.reason) == (skipped.pk, "paused")
    assert history.last_finish == last.finished_at


@pytest.mark.parametrize(
    ("fields", "asks"),
    [
        ({"params": {}, "steps": [puppet_step("only")]}, False),
        ({"params": {}, "steps": [python_step("only")]}, False),
        ({"params": {}, "steps": [python_step("only", table="x")]}, True),
        ({"params": {"days": 1}, "steps": [puppet_step("only")]}, True),
        ({"params": {}, "steps": [puppet_step("one"), puppet_step("two")]}, True),
    ],
)
def test_run_now_asks_only_when_there_is_something_to_set(fields: dict[str, Any], asks: bool) -> None:
    assert one_card(make_job(**fields), permissions_of(root())).asks is asks


def test_one_run_at_a_time_unless_the_job_allows_more() -> None:
    for job_id, single in (("one", True), ("many", False)):
        job = make_job(job_id, single_instance=single)
        make_run(job, RunState.RUNNING, single_instance=single)
        card = one_card(job, permissions_of(root()))
        assert card.in_flight
        assert card.blocked is single


@pytest.mark.parametrize(
    ("path", "who", "status"),
    [
        ("/nomaflow/jobs/ann-nightly", ann, 200),
        ("/nomaflow/jobs/ann-nightly", bob, 200),
        ("/nomaflow/jobs/ann-nightly", eve, 404),
        ("/nomaflow/jobs/ann-nightly/card", eve, 404),
        ("/nomaflow/jobs/ann-nightly/run", bob, 200),
        ("/nomaflow/jobs/ann-nightly/run", lambda: person("vic", "job:ann-*:view"), 403),
        ("/nomaflow/jobs/ann-nightly/run", eve, 404),
        ("/nomaflow/jobs/none", root, 404),
        ("/nomaflow/jobs/ann-nightly/", ann, 200),
    ],
)
def test_who_gets_which_page(
    browse: Callable[..., Any], path: str, who: Callable[[], Any], status: int
) -> None:
    make_job()
    assert browse(who(), path).status_code == status


def test_nobody_sees_anything_before_they_sign_in(browse: Callable[..., Any]) -> None:
    make_job()
    for path in ("/nomaflow", "/nomaflow/tally", "/nomaflow/jobs/ann-nightly", "/nomaflow/jobs/none/card"):
        assert browse(None, path)["Location"].startswith("/nomaflow/sign-in?next=")
    fragment = browse(None, "/nomaflow/jobs/ann-nightly/card", **{"HX-Request": "true"})
    assert fragment["HX-Refresh"] == "true"
    assert fragment.content == b""


def test_pages_are_not_kept_by_browsers(browse: Callable[..., Any]) -> None:
    assert "no-store" in browse(root(), "/nomaflow")["Cache-Control"]


@pytest.mark.parametrize("q", ["state:failed", "TAG:etl order", "copies", "enabled\0", "state:", "x" * 5000])
def test_any_filter_is_answered(browse: Callable[..., Any], q: str) -> None:
    make_job()
    assert Client().get("/nomaflow/sign-in").status_code == 200
    client = Client()
    client.force_login(root())
    assert client.get("/nomaflow", {"q": q}).status_code == 200


def test_markup_in_a_definition_stays_text(browse: Callable[..., Any]) -> None:
    evil = '"><script>alert(1)</script>'
    make_job(description=evil, tags=[evil], params={evil: evil, "lines": f"a\n</textarea>{evil}"})
    for path in ("/nomaflow", "/nomaflow/jobs/ann-nightly", "/nomaflow/jobs/ann-nightly/run"):
        page = browse(root(), path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


def test_the_dialog_offers_the_connectors_its_reader_may_use() -> None:
    for name in ("open", "closed"):
        connectors.save_connector(
            {"name": name, "kind": "sqlite", "path": f"/nonexistent/{name}"}, actor="test"
        )
    reader = person("ann", "connector:open:use")
    job = make_job(params={"connector": "closed", "target_connector": "open", "connector_count": 2})
    form = run_form(job, job.version.definition, connector_names(reader))
    closed, opened, count = form.params
    assert (closed.kind, closed.choices) == ("choice", ("closed", "open"))
    assert opened.choices == ("open",)
    assert count.kind == "int"


def test_the_definition_on_the_page_is_the_jobs_alone(browse: Callable[..., Any]) -> None:
    connectors.save_connector({"name": "ops", "kind": "sqlite", "path": "/nonexistent/ops"}, actor="test")
    make_job(steps=[python_step("copy", source_connector="ops")])
    page = browse(ann(), "/nomaflow/jobs/ann-nightly").content.decode()
    assert "[[jobs]]" in page
    assert "/nonexistent/ops" not in page


def test_a_job_without_a_version_is_shown(browse: Callable[..., Any]) -> None:
    job = make_job()
    Job.objects.filter(pk=job.pk).update(version=None)
    for path in ("/nomaflow", "/nomaflow/jobs/ann-nightly", "/nomaflow/jobs/ann-nightly/run"):
        assert browse(root(), path).status_code == 200


def test_failures_are_news_until_the_runs_are_looked_at() -> None:
    from django.utils import timezone

    make_run(make_job(), RunState.FAILED, finished_at=timezone.now())
    client = Client()
    client.force_login(root())
    words = 'aria-label="1 failed since you last looked" title="1 failed since you last looked"'
    assert words in client.get("/nomaflow").content.decode()
    assert words in client.get("/nomaflow/counts").content.decode()
