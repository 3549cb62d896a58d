"""POST /admin/jobs/<id>/run: what it takes, what it answers, what it refuses."""

from __future__ import annotations

import pytest

from jobs_app.models import AuditEvent
from runs_app.models import Run
from runs_app.states import RunState
from tests.api.client import Api, error
from tests.factories import make_job, make_run
from tests.people import ann, bob

pytestmark = pytest.mark.django_db


def test_a_session_starts_a_run_in_its_own_name():
    make_job()
    response = Api(bob()).post("/ann-nightly/run")
    assert response.status_code == 202
    run = Run.objects.get()
    assert response.json() == {
        "run_id": run.run_id,
        "job_id": "ann-nightly",
        "state": "QUEUED",
        "triggered_by": "user:bob",
        "url": f"/nomaflow/runs/{run.run_id}",
    }


def test_a_token_starts_it_as_api_and_leaves_its_name():
    make_job()
    assert Api(bob(), token=True).post("/ann-nightly/run").json()["triggered_by"] == "api"
    assert Run.objects.get().trigger_detail == "ci"
    assert AuditEvent.objects.get(action="run.requested").actor == "user:bob"


def test_only_what_is_sent_is_changed():
    make_job()
    body = {
        "params": {"region": "us"},
        "op_kwargs": {"send-summary": {"to": "ann"}},
        "step_enabled": {"copy-orders": False},
        "log_level": "debug",
        "as_of": "2026-01-02T03:04:05Z",
    }
    assert Api(ann()).post("/ann-nightly/run", body).status_code == 202
    run = Run.objects.get()
    assert run.snapshot == {
        "params": {"region": "us", "days": 3},
        "op_kwargs": {"copy-orders": {"table": "orders"}, "send-summary": {"to": "ann"}},
        "step_enabled": {"copy-orders": False, "send-summary": True},
    }
    assert run.log_level == "DEBUG"
    assert run.as_of.isoformat() == "2026-01-02T03:04:05+00:00"


def test_a_repeated_idempotency_key_gets_the_first_run():
    make_job()
    api = Api(ann(), token=True)
    first = api.post("/ann-nightly/run", headers={"Idempotency-Key": "build-7"})
    second = api.post("/ann-nightly/run", headers={"Idempotency-Key": "build-7"})
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["run_id"] == second.json()["run_id"]
    assert Run.objects.count() == 1


def test_an_active_run_is_named():
    run = make_run(make_job(), RunState.RUNNING)
    refused = error(Api(ann()).post("/ann-nightly/run"), 409)
    assert refused["code"] == "already_active"
    assert refused["run"] == {"run_id": run.run_id, "state": "RUNNING"}
    assert run.run_id in refused["message"]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"params": {"nope": 1}}, "unknown_parameter", "params.nope"),
        ({"op_kwargs": {"nope": {}}}, "unknown_step", "op_kwargs.nope"),
        ({"step_enabled": {"nope": True}}, "unknown_step", "step_enabled.nope"),
        ({"step_enabled": {"copy-orders": "yes"}}, "invalid_value", "step_enabled.copy-orders"),
        ({"log_level": "LOUD"}, "invalid_value", "log_level"),
        ({"log_level": 3}, "invalid_value", "log_level"),
        ({"as_of": "tomorrow"}, "invalid_value", "as_of"),
        ({"as_of": "2026-02-30T00:00:00Z"}, "invalid_value", "as_of"),
        ({"as_of": "0001-01-01T00:00:00+14:00"}, "invalid_value", "as_of"),
        ({"as_of": "9999-12-31T23:59:59-14:00"}, "invalid_value", "as_of"),
        ({"params": {"region": "${nope:x}"}}, "invalid_value", "params.region"),
        ({"params": {"region": "${env:REGION}"}}, "invalid_value", "params.region"),
        (
            {"op_kwargs": {"copy-orders": {"table": ["${env:REGION}"]}}},
            "invalid_value",
            "op_kwargs.copy-orders.table",
        ),
        ({"params": ["region"]}, "invalid_value", "params"),
        ({"op_kwargs": {"copy-orders": 1}}, "invalid_value", "op_kwargs.copy-orders"),
        ({"state": "SUCCEEDED"}, "invalid_value", "state"),
    ],
)
def test_a_wrong_body_is_refused_by_name(body, code, field):
    make_job()
    refused = error(Api(ann()).post("/ann-nightly/run", body), 400)
    assert (refused["code"], refused["field"]) == (code, field)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        "[" * 100_000,
        '{"params": ' + '{"a":' * 200 + "1" + "}" * 200 + "}",
        '{"params": {"region": "' + "x" * 1_100_000 + '"}}',
        '{"params": {"days": 1e999}}',
        '{"params": {"days": NaN}}',
        '{"params": {"days": ' + "9" * 5_000 + "}}",
        '{"params": {"region": "\\u0000"}}',
        '{"params": {"region": "\\ud800"}}',
        "[]",
        "{",
        b"\xff\xfe",
    ],
    ids=[
        "brackets",
        "deep",
        "large",
        "infinite",
        "nan",
        "digits",
        "nul",
        "surrogate",
        "list",
        "cut",
        "bytes",
    ],
)
def test_hostile_json_is_a_400(raw):
    make_job()
    error(Api(ann()).post("/ann-nightly/run", raw), 400)
    assert not Run.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\there"])
def test_a_wrong_idempotency_key_is_refused(key):
    make_job()
    refused = error(Api(ann()).post("/ann-nightly/run", headers={"Idempotency-Key": key}), 400)
    assert refused["field"] == "Idempotency-Key"


def test_curl_without_a_content_type_is_understood():
    make_job()
    api = Api(ann(), token=True)
    response = api.client.post(
        "/admin/jobs/ann-nightly/run",
        b'{"params": {"days": 9}}',
        content_type="application/x-www-form-urlencoded",
        headers=api.headers,
    )
    assert response.status_code == 202
    assert Run.objects.get().snapshot["params"]["days"] == 9
