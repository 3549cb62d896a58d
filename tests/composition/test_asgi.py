"""The API through the real server: what only the asynchronous stack can get wrong."""

from __future__ import annotations

import pytest
import requests

from jobs_app import tokens
from tests.factories import make_job, make_run
from tests.people import ann
from tests.web import web_process

LINES = 2_500


@pytest.mark.django_db(transaction=True)
def test_a_log_is_downloaded_whole_through_uvicorn():
    run = make_run(make_job(), lines=(f"line {n}" for n in range(1, LINES + 1)))
    _token, plain = tokens.create(ann(), name="ci")
    with web_process(PYTHONWARNINGS="error:StreamingHttpResponse must consume:Warning") as web:
        answer = requests.get(
            f"{web.url}/admin/jobs/runs/{run.run_id}/logs?download=1",
            headers={"Authorization": f"Token {plain}"},
            timeout=60,
        )
        assert [line.split()[-1] for line in answer.text.splitlines()] == [
            str(n) for n in range(1, LINES + 1)
        ]
        refused = requests.post(f"{web.url}/admin/jobs/ann-nightly/run", data=b"[" * 100_000, timeout=60)
        assert refused.status_code == 401
        flood = requests.post(f"{web.url}/nomaflow/sign-in", data=iter([b"x" * 1_000_000] * 9), timeout=60)
        assert (flood.status_code, flood.json()["error"]["code"]) == (413, "too_large")
        assert requests.get(f"{web.url}/readyz", timeout=60).json()["status"] == "ok"


def test_without_a_database_the_api_says_so_and_when_to_come_back():
    with web_process(NOMAFLOW_DATABASE_URL="postgresql://nobody@/nothing?host=/nowhere") as web:
        answer = requests.get(f"{web.url}/admin/jobs", headers={"Authorization": "Token x"}, timeout=60)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json()["error"]["code"] == "unavailable"
        ready = requests.get(f"{web.url}/readyz", timeout=60)
        assert ready.status_code == 503
        assert ready.json()["checks"]["database"] == "unreachable"
        assert "nowhere" not in answer.text + ready.text
