"""The pages of runs as a client without a browser sees them."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs_app.models import AuditEvent
from nomaflow import registry
from runs_app import lifecycle
from runs_app.dispatch import dispatch
from runs_app.models import Run, StepRun
from runs_app.states import Reason, RunState, StepState
from tests.factories import make_job, make_run
from tests.people import ann, bob, eve, person, root

pytestmark = pytest.mark.django_db


def client(user: Any) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def page(user: Any, path: str, **headers: str) -> str:
    answer = client(user).get(f"/nomaflow/runs{path}", headers=headers)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def recent(job: Any, state: RunState = RunState.SUCCEEDED, **fields: Any) -> Run:
    now = timezone.now()
    times = {"queued_at": now}
    if state not in (RunState.QUEUED, RunState.SKIPPED):
        times["started_at"] = now
    if state not in (RunState.QUEUED, RunState.RUNNING):
        times["finished_at"] = now + timedelta(seconds=2)
    return make_run(job, state, **(times | fields))


@pytest.mark.parametrize("path", ["", "/live", "/cancel"])
def test_who_may_not_see_the_job_finds_no_run(path: str) -> None:
    run = recent(make_job(), RunState.RUNNING)
    assert client(eve()).get(f"/nomaflow/runs/{run.run_id}{path}").status_code == 404
    assert client(ann()).get(f"/nomaflow/runs/{run.run_id}{path}").status_code == 200
    assert Client().get(f"/nomaflow/runs/{run.run_id}{path}").status_code == 302


@pytest.mark.parametrize("name", ["run_zzzzzzzzzzzzz", "run_!", "run_99999", "x", "run_"])
def test_an_id_of_nothing_is_not_found(name: str) -> None:
    assert client(root()).get(f"/nomaflow/runs/{name}").status_code == 404


def test_a_cancel_needs_its_right_and_is_on_record() -> None:
    run = dispatch(make_job(), triggered_by="cli")
    viewer = person("vera", "job:ann-*:view")
    assert "Cancel" not in page(viewer, f"/{run.run_id}/live")
    assert client(viewer).post(f"/nomaflow/runs/{run.run_id}/cancel").status_code == 403
    assert client(bob()).post(f"/nomaflow/runs/{run.run_id}/cancel").status_code == 403
    answer = client(ann()).post(f"/nomaflow/runs/{run.run_id}/cancel")
    assert answer["Location"] == f"/nomaflow/runs/{run.run_id}"
    run.refresh_from_db()
    assert (run.state, run.reason) == (RunState.CANCELED, "cancelled by user:ann")
    assert AuditEvent.objects.filter(action="run.cancel", actor="user:ann").count() == 1
    again = client(ann()).post(f"/nomaflow/runs/{run.run_id}/cancel", headers={"HX-Request": "true"})
    assert (again.status_code, "nf:run" in again["HX-Trigger"]) == (204, True)
    assert AuditEvent.objects.filter(action="run.cancel").count() == 1


@pytest.mark.parametrize(
    ("state", "code", "reason", "said"),
    [
        (
            RunState.FAILED,
            Reason.WORKER_LOST,
            "worker a/1 was lost",
            "The worker stopped answering in the middle",
        ),
        (RunState.CANCELED, Reason.TIMEOUT, "timeout after 1800s", "Its time ran out: timeout after 1800s."),
        (RunState.CANCELED, Reason.USER_CANCEL, "cancelled by user:bob", "Canceled by bob."),
        (RunState.SKIPPED, Reason.MISFIRE, "missed: found 90 s late", "This fire did not start: missed"),
        (RunState.FAILED, "", "a reason nobody named", "a reason nobody named"),
    ],
)
def test_every_reason_is_a_sentence(state: RunState, code: str, reason: str, said: str) -> None:
    run = recent(make_job(), state, reason_code=code, reason=reason)
    assert said in page(ann(), f"/{run.run_id}")


def test_usual_needs_eight_good_runs_and_forgets_the_bad() -> None:
    job = make_job()
    for _n in range(7):
        recent(job)
    recent(job, RunState.FAILED)
    assert "usual" not in page(ann(), f"/{recent(job).run_id}")
    assert "usual 2.0 s" in page(ann(), f"/{recent(job).run_id}")


def test_relatives_are_linked_when_they_may_be_seen() -> None:
    secret = recent(make_job("bobs-own"))
    child = recent(make_job("ann-child"))
    run = recent(make_job(), replay_of=recent(make_job("ann-first")), parent=secret)
    Run.objects.filter(pk=child.pk).update(parent=run)
    seen = page(ann(), f"/{run.run_id}")
    assert f"/nomaflow/runs/{child.run_id}" in seen
    assert f"/nomaflow/runs/{run.replay_of.run_id}" in seen
    assert secret.run_id not in seen


def test_the_history_of_a_deleted_job_stays() -> None:
    job = make_job()
    run = recent(job)
    job.delete()
    assert run.run_id in page(root(), f"/{run.run_id}")
    assert run.run_id in page(root(), "")


def test_filters_and_their_addresses() -> None:
    job, other = make_job(), make_job("ann-other", single_instance=False)
    good, bad = recent(job), recent(job, RunState.FAILED, triggered_by="user:bob")
    going, old = (
        recent(other, RunState.RUNNING),
        make_run(other, queued_at=timezone.now() - timedelta(days=20)),
    )
    cases = {
        "": {good, bad, going},
        "?period=30d": {good, bad, going, old},
        "?period=24h": {good, bad, going},
        "?job=ann-other": {going},
        "?state=FAILED,RUNNING": {bad, going},
        "?state=failed&state=running": {bad, going},
        "?trigger=user": {bad},
        f"?q={bad.run_id}": {bad},
        "?q=ann-OTHER&period=30d": {going, old},
        f"?from={old.queued_at:%Y-%m-%d}&to={old.queued_at:%Y-%m-%d}": {old},
        "?state=RUNNING&q=zzz": set(),
    }
    for query, expected in cases.items():
        seen = page(ann(), query)
        assert {run for run in (good, bad, going, old) if f"row-{run.run_id}" in seen} == expected, query
    assert "No run matches these filters." in page(ann(), "?state=RUNNING&q=zzz")
    assert "ann-nightly" not in page(eve(), "?period=30d")


def test_a_filter_that_means_nothing_is_named() -> None:
    for query in ("state=zzz", "period=zzz", "from=zzz", "before=zzz", "trigger=zzz"):
        answer = client(ann()).get(f"/nomaflow/runs?{query}")
        assert answer.status_code == 400
        assert "zzz" in answer.content.decode()


def test_the_form_leaves_a_short_address_behind() -> None:
    headers = {"HX-Request": "true", "HX-Trigger": "run-filters"}
    query = {
        "q": "",
        "job": "ann-nightly",
        "trigger": "",
        "period": "7d",
        "from": "",
        "to": "",
        "state": "FAILED",
    }
    answer = client(ann()).get("/nomaflow/runs", query, headers=headers)
    assert answer["HX-Push-Url"] == "/nomaflow/runs?job=ann-nightly&state=FAILED"
    assert b"<html" not in answer.content
    refreshed = client(ann()).get("/nomaflow/runs", headers={"HX-Request": "true", "HX-Trigger": "runs"})
    assert refreshed["HX-Push-Url"] == "false"


def test_summaries_name_the_step_that_failed() -> None:
    run = recent(make_job(), RunState.FAILED)
    StepRun.objects.filter(run=run, position=1).update(state=StepState.SUCCEEDED)
    StepRun.objects.filter(run=run, position=2).update(
        state=StepState.FAILED, error_class="TimeoutError", error_message="no answer\nin time"
    )
    seen = page(ann(), "")
    assert ">1 / 2</span>" in seen
    assert "failed at send-summary" in seen
    assert "<b>TimeoutError:</b> no answer</span>" in seen


@pytest.mark.parametrize(("ran", "said"), [(2, "2 / 2"), (1, "1 / 2 · 1 skipped"), (0, "0 / 2 · 2 skipped")])
def test_steps_passed_over_are_told_as_skipped_not_as_done(ran: int, said: str) -> None:
    run = recent(make_job(), RunState.SUCCEEDED)
    steps = StepRun.objects.filter(run=run)
    steps.filter(position__lte=ran).update(state=StepState.SUCCEEDED)
    steps.filter(position__gt=ran).update(
        state=StepState.CANCELED, reason_code=Reason.DISABLED, reason="skipped: disabled"
    )
    seen = page(ann(), "")
    assert f'<span class="steps-done">{said}</span>' in seen
    assert ("steps-ok" in seen) is (ran == 2)
    shown = page(ann(), f"/{run.run_id}")
    assert said.replace("/ 2", "/ 2 steps") in shown
    assert shown.count('<span class="sr-only">Skipped</span>') == 2 - ran
    assert '<span class="sr-only">Canceled</span>' not in shown


def test_a_long_list_costs_as_many_queries_as_a_short_one() -> None:
    job, user = make_job(single_instance=False), ann()

    def queries() -> int:
        asking = client(user)
        with CaptureQueriesContext(connection) as seen:
            asking.get("/nomaflow/runs")
        return len(seen)

    recent(job)
    few = queries()
    for n in range(40):
        recent(make_job(f"ann-{n}"), RunState.RUNNING)
    assert queries() == few
    assert few <= 14


def test_a_long_run_costs_as_many_queries_as_a_short_one() -> None:
    counts = []
    for steps in (1, 30):
        job = make_job(f"ann-{steps}")
        run = recent(job)
        for n in range(3, steps + 2):
            StepRun.objects.create(run=run, position=n, name=f"s{n}", type="python", state="SUCCEEDED")
        asking = client(ann())
        with CaptureQueriesContext(connection) as seen:
            asking.get(f"/nomaflow/runs/{run.run_id}")
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert counts[0] <= 16


def test_the_list_reads_no_more_of_the_table_than_it_shows() -> None:
    job = make_job(single_instance=False)
    Run.objects.bulk_create(
        Run(
            job=job,
            version=job.version,
            state="SUCCEEDED",
            triggered_by="cron",
            as_of=timezone.now(),
            queued_at=timezone.now() - timedelta(minutes=n),
            finished_at=timezone.now(),
        )
        for n in range(20_000, 0, -1)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE runs_run")
    with CaptureQueriesContext(connection) as seen:
        client(root()).get("/nomaflow/runs?period=24h")
    asked = [each["sql"] for each in seen if 'FROM "runs_run"' in each["sql"] and "queued_at" in each["sql"]]
    assert len(asked) >= 2
    for sql in asked:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + sql)
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert "Seq Scan on runs_run" not in plan, plan


def test_one_who_may_cancel_is_told_what_the_cancel_does() -> None:
    run = dispatch(make_job(), triggered_by="cli")
    assert "No worker has taken it yet" in page(ann(), f"/{run.run_id}/cancel")
    claim = lifecycle.claim(run.pk, worker="w")
    assert claim
    step = StepRun.objects.filter(run=run).first()
    assert step
    lifecycle.begin(claim, lifecycle.Beginning(step=step, number=1, input={}, first_seq=1))
    said = page(ann(), f"/{run.run_id}/cancel")
    assert "copy-orders" in said
    assert str(registry.step_types()["python"].cancel_note) in unescape(said)
