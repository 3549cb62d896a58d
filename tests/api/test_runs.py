"""The list of runs, one run, its log, its cancel."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.utils import timezone

from jobs_app.models import AuditEvent
from runs_app import run_ids
from runs_app.run_page import RunPage
from runs_app.states import RunState
from tests.api.client import Api, error
from tests.factories import add_lines, make_job, make_run
from tests.people import ann, bob, eve, root

pytestmark = pytest.mark.django_db


def ids(response):
    assert response.status_code == 200, response.content
    return [run["run_id"] for run in response.json()["runs"]]


def test_the_list_is_pruned_to_what_the_caller_may_see():
    mine = make_run(make_job("ann-nightly"))
    other = make_run(make_job("other"))
    assert ids(Api(bob()).get("/runs")) == [mine.run_id]
    assert ids(Api(eve()).get("/runs")) == []
    assert ids(Api(root()).get("/runs")) == [other.run_id, mine.run_id]


def test_pages_follow_one_another_without_overlap():
    job = make_job()
    runs = [make_run(job).run_id for _ in range(5)][::-1]
    api = Api(ann())
    first = api.get("/runs", limit=2)
    second = api.get("/runs", limit=2, before=first.json()["next_before"])
    third = api.get("/runs", limit=2, before=second.json()["next_before"])
    assert ids(first) + ids(second) + ids(third) == runs
    assert third.json()["next_before"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"job": "ann-a"}, {"a"}),
        ({"job": "ann-a,ann-b"}, {"a", "b"}),
        ({"state": "failed"}, {"b"}),
        ({"status": "FAILED,succeeded"}, {"a", "b"}),
        ({"status": "aborting"}, {"c"}),
        ({"state": "aborting,failed"}, {"b", "c"}),
        ({"trigger": "cron"}, {"a"}),
        ({"trigger": "manual"}, {"b"}),
        ({"user": "bob"}, {"b"}),
        ({"from": "2026-11-22"}, {"b", "c"}),
        ({"to": "2026-11-21"}, {"a"}),
        ({"from": "2026-11-22T11:00:00", "to": "2026-11-22T13:00:00+00:00"}, {"b"}),
        ({"q": "ANN-C"}, {"c"}),
        ({"q": "orders are missing"}, {"b"}),
    ],
)
def test_filters(query, found):
    when = timezone.datetime.fromisoformat
    runs = {
        "a": make_run(make_job("ann-a"), queued_at=when("2026-11-21T12:00:00Z")),
        "b": make_run(
            make_job("ann-b"),
            RunState.FAILED,
            queued_at=when("2026-11-22T12:00:00Z"),
            triggered_by="user:bob",
            reason="the orders are missing",
        ),
        "c": make_run(
            make_job("ann-c"),
            RunState.RUNNING,
            queued_at=when("2026-11-22T14:00:00Z"),
            triggered_by="api",
            cancel_requested_at=timezone.now(),
        ),
    }
    assert set(ids(Api(ann()).get("/runs", **query))) == {runs[name].run_id for name in found}


@pytest.mark.parametrize(
    "query",
    [
        {"state": "DONE"},
        {"trigger": "magic"},
        {"from": "yesterday"},
        {"to": "2026-02-30"},
        {"limit": "0"},
        {"limit": "many"},
        {"before": "7"},
        {"q": "\0"},
        {"job": ",".join(["x"] * 60)},
    ],
)
def test_a_query_that_means_nothing_is_named(query):
    refused = error(Api(ann()).get("/runs", **query), 400)
    assert refused["field"] == next(iter(query))


def test_one_run_tells_everything():
    run = make_run(make_job(), lines=["one", "two"])
    found = Api(ann()).get(f"/runs/{run.run_id}").json()
    assert found["run"]["state"] == "SUCCEEDED"
    assert found["run"]["started_at"] == "2026-11-22T12:00:01.000Z"
    assert found["run"]["duration_ms"] == 2_500
    assert found["run"]["snapshot"]["params"] == {"region": "eu", "days": 3}
    assert found["run"]["version"] == 1
    assert [step["name"] for step in found["steps"]] == ["copy-orders", "send-summary"]
    assert found["steps"][0]["attempts"][0]["input"] == {"n": 1}
    assert [line["message"] for line in found["logs"]] == ["one", "two"]


def test_what_is_named_like_a_secret_is_not_shown_with_the_run():
    given = {
        "params": {"region": "eu", "api_key": "canary"},
        "op_kwargs": {"copy": {"db_password": "canary"}},
    }
    run = make_run(make_job(), snapshot={**given, "step_enabled": {"reset-tokens": True}})
    reader = ann()
    found = Api(reader).get(f"/runs/{run.run_id}").json()["run"]["snapshot"]
    assert found["params"] == {"api_key": "***", "region": "eu"}
    assert found["step_enabled"] == {"reset-tokens": True}
    assert "canary" not in RunPage.of(run, reader).snapshot + str(found)


def test_one_run_shows_the_latest_thousand_lines(django_assert_max_num_queries):
    run = make_run(make_job(), lines=(f"line {n}" for n in range(1_500)))
    api = Api(ann(), token=True)
    with django_assert_max_num_queries(10):
        found = api.get(f"/runs/{run.run_id.upper()}").json()
    assert [found["logs"][0]["seq"], found["logs"][-1]["seq"]] == [501, 1_500]


def test_the_log_is_read_by_number():
    run = make_run(make_job(), lines=(f"line {n}" for n in range(1, 11)))
    api = Api(ann())

    def seqs(**query):
        page = api.get(f"/runs/{run.run_id}/logs", **query).json()
        return [line["seq"] for line in page["lines"]], page["last"], page["more"]

    assert seqs(after=8) == ([9, 10], 10, False)
    assert seqs(limit=3) == ([1, 2, 3], 3, True)
    assert seqs(tail=2) == ([9, 10], 10, True)
    assert seqs(before=4, limit=2) == ([2, 3], 3, True)
    assert seqs(after=10) == ([], 10, False)
    assert seqs(q="LINE 10") == ([10], 10, False)


def test_the_log_is_filtered_by_level_and_step():
    run = make_run(make_job(), lines=["plain"])
    add_lines(run, ["careful"], level=2, step=1)
    add_lines(run, ["broken"], level=3, step=2)
    api = Api(ann())

    def messages(**query):
        return [line["message"] for line in api.get(f"/runs/{run.run_id}/logs", **query).json()["lines"]]

    assert messages(level="warning") == ["careful", "broken"]
    assert messages(step="send-summary") == messages(step=2) == ["broken"]
    assert error(api.get(f"/runs/{run.run_id}/logs", step="nope"), 400)["field"] == "step"
    assert error(api.get(f"/runs/{run.run_id}/logs", level="loud"), 400)["field"] == "level"
    assert error(api.get(f"/runs/{run.run_id}/logs", after="-1"), 400)["field"] == "after"
    assert error(api.get(f"/runs/{run.run_id}/logs", q="\0"), 400)["field"] == "q"
    assert error(api.get(f"/runs/{run.run_id}/logs", format="xml"), 400)["field"] == "format"


def test_rows_are_the_compact_form():
    run = make_run(make_job(), lines=["hello"])
    page = Api(ann()).get(f"/runs/{run.run_id}/logs", format="rows").json()
    assert page["lines"] == [[1, 1795348800001, 1, 0, "", "hello", 0]]
    assert page["state"] == "SUCCEEDED"


def test_a_download_is_plain_text_whatever_it_holds():
    run = make_run(make_job(), lines=["<script>alert(1)</script>"])
    response = Api(ann()).get(f"/runs/{run.run_id}/logs", download=1)
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="{run.run_id}.log"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert b"<script>" in b"".join(response.streaming_content)


@pytest.mark.parametrize("verb", ["cancel", "abort"])
def test_a_queued_run_is_cancelled_in_place(verb):
    run = make_run(make_job(), RunState.QUEUED)
    response = Api(ann()).post(f"/runs/{run.run_id}/{verb}")
    assert response.status_code == 202
    assert response.json()["outcome"] == "canceled"
    assert response.json()["run"]["state"] == "CANCELED"
    event = AuditEvent.objects.get(action="run.cancel")
    assert (event.actor, event.object_id, event.address) == ("user:ann", run.run_id, "127.0.0.1")


def test_a_running_one_says_it_is_being_cancelled():
    run = make_run(make_job(), RunState.RUNNING)
    answer = Api(ann()).post(f"/runs/{run.run_id}/cancel").json()
    assert answer["outcome"] == "canceling"
    assert (answer["run"]["state"], answer["run"]["canceling"]) == ("RUNNING", True)


def test_a_finished_run_cannot_be_cancelled():
    run = make_run(make_job())
    assert error(Api(ann()).post(f"/runs/{run.run_id}/cancel"), 409)["code"] == "already_final"


@pytest.mark.parametrize("path", ["", "/logs"])
def test_strangers_find_nothing(path):
    run = make_run(make_job())
    there = Api(eve()).get(f"/runs/{run.run_id}{path}")
    nowhere = Api(eve()).get(f"/runs/{run_ids.show(10**9)}{path}")
    for response in (there, nowhere):
        assert error(response, 404)["code"] == "not_found"
    strip = {"request_id": None}
    assert there.json()["error"] | strip == nowhere.json()["error"] | strip


@pytest.mark.parametrize("run_id", ["run_!!!!!", "run_00a8c%00", "7", "run_zzzzzzzzzzzzz", "..%2f..%2fetc"])
def test_what_is_no_run_id_is_not_found(run_id):
    error(Api(ann()).get(f"/runs/{run_id}"), 404)


def test_the_answer_is_json_and_never_cached():
    response = Api(ann()).get("/runs")
    assert response["Cache-Control"] == "no-store"
    assert json.loads(response.content) == {"runs": [], "next_before": None}


def test_a_page_behind_a_unix_socket_can_cancel():
    run = make_run(make_job(), RunState.RUNNING)
    client = Client(REMOTE_ADDR="unix:")
    client.force_login(ann())
    assert client.post(f"/nomaflow/runs/{run.run_id}/cancel").status_code == 302
    run.refresh_from_db()
    assert run.canceling
