"""The catalogue, one job, its switch, its TOML."""

from __future__ import annotations

import tomllib

import pytest

from jobs_app.models import AuditEvent, Job
from jobs_app.reserved import RESERVED_IDS
from runs_app.states import RunState
from tests.api.client import Api, error
from tests.api.routes import all_routes
from tests.factories import make_job, make_run
from tests.people import ann, bob, eve, person, root

pytestmark = pytest.mark.django_db

SQL_JOB = """
[[connectors]]
name = "here"
kind = "sqlite"
path = "/tmp/here.db"

[[jobs]]
id = "ann-import"
schedule = "0 2 * * *"
timezone = "Europe/Paris"

  [[jobs.steps]]
  name = "one"
  type = "sql_query"
  connector = "here"
  query = "SELECT 1"
"""


def test_the_catalogue_shows_each_job_with_its_last_run():
    job = make_job(schedule="0 2 * * *")
    last = make_run(job)
    make_run(job, RunState.SKIPPED)
    make_job("other")
    (found,) = Api(bob()).get("").json()["jobs"]
    assert found["id"] == "ann-nightly"
    assert (found["schedule"], found["timezone"], found["steps"]) == ("0 2 * * *", "Europe/Paris", 2)
    assert found["next_fire"].endswith(":00:00.000Z")
    assert (found["last_run"]["run_id"], found["last_run"]["state"]) == (last.run_id, "SUCCEEDED")


def test_the_catalogue_takes_the_same_queries_for_any_number_of_jobs(django_assert_num_queries):
    api = Api(root(), token=True)
    api.get("")
    for number in range(3):
        make_run(make_job(f"ann-{number}"))
    with django_assert_num_queries(4):
        assert len(api.get("").json()["jobs"]) == 3


def test_one_job_comes_with_its_definition():
    make_job()
    job = Api(bob()).get("/ann-nightly").json()["job"]
    assert job["version"] == 1
    assert job["definition"]["params"] == {"region": "eu", "days": 3}
    assert [step["name"] for step in job["definition"]["steps"]] == ["copy-orders", "send-summary"]


def test_the_switch_is_saved_and_audited():
    make_job(schedule="0 2 * * *")
    api = Api(ann())
    assert api.post("/ann-nightly/disable").json()["job"]["enabled"] is False
    assert Job.objects.get().next_fire is None
    assert api.post("/ann-nightly/enable").json()["job"]["next_fire"] is not None
    assert AuditEvent.objects.filter(actor="user:ann", object_id="ann-nightly").count() >= 2


def test_who_may_only_run_may_not_switch():
    make_job()
    refused = error(Api(bob()).post("/ann-nightly/disable"), 403)
    assert "job:ann-nightly:edit" in refused["message"]


def importer():
    ann()
    return person("ann", "settings:connectors", "connector:here")


def test_toml_goes_in_and_out():
    api = Api(importer())
    assert api.post("/import", SQL_JOB).json() == {
        "created": ["ann-import"],
        "updated": [],
        "unchanged": [],
        "connectors": ["here"],
    }
    response = api.get("/ann-import/export")
    assert response["Content-Disposition"] == 'attachment; filename="ann-import.toml"'
    (job,) = tomllib.loads(response.content.decode())["jobs"]
    assert (job["id"], job["schedule"]) == ("ann-import", "0 2 * * *")
    assert api.post("/import", response.content).json()["unchanged"] == ["ann-import"]


def test_an_import_names_line_field_and_reason_and_changes_nothing():
    wrong = SQL_JOB + SQL_JOB.replace("[[connectors]]", "[[x]]").replace("ann-import", "ann-two").replace(
        "0 2 * * *", "0 25 * * *"
    )
    refused = error(Api(importer()).post("/import", wrong), 400)
    assert refused["code"] == "invalid_definition"
    assert all({"field", "message", "line"} == set(problem) for problem in refused["problems"])
    lines = {problem["line"] for problem in refused["problems"]}
    assert wrong.splitlines().index('schedule = "0 25 * * *"') + 1 in lines
    assert not Job.objects.exists()


@pytest.mark.parametrize("text", ["[[jobs]", "a = " + "[" * 2_000, "\0", "x" * 5_100_000])
def test_malformed_toml_is_a_400(text):
    error(Api(ann()).post("/import", text), 400)


def test_import_needs_its_rights():
    assert "settings:jobs" in error(Api(bob()).post("/import", SQL_JOB), 403)["message"]
    assert "settings:connectors" in error(Api(ann()).post("/import", SQL_JOB), 403)["message"]
    assert not Job.objects.exists()


@pytest.mark.parametrize("path", ["/ann-nightly", "/ann-nightly/export"])
def test_strangers_find_nothing(path):
    make_job()
    assert error(Api(eve()).get(path), 404)["code"] == "not_found"
    assert Api(eve()).get("").json() == {"jobs": []}


def test_no_fixed_word_below_the_api_can_be_a_jobs_id():
    prefixes = ("admin/jobs/", "nomaflow/jobs/")
    words = {r.removeprefix(p).split("/")[0] for p in prefixes for r in all_routes() if r.startswith(p)}
    assert "runs" in words
    assert {word for word in words if not word.startswith("<")} <= RESERVED_IDS
