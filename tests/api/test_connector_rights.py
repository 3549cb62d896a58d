"""Whoever may run or edit a job reaches with it only the connectors they may use."""

from __future__ import annotations

import pytest

from jobs_app.models import Connector, Job
from runs_app.models import Run
from tests.api.client import Api, error
from tests.people import person, root

pytestmark = pytest.mark.django_db

JOB = """
[[jobs]]
id = "kim-refresh"
params = {{ target_connector = "{target}", query = "late" }}
  [[jobs.steps]]
  name = "refresh"
  type = "sql_query"
  connector = "{connector}"
  query = "{query}"
"""


@pytest.fixture(autouse=True)
def places():
    for name in ("ops", "hr"):
        Connector.objects.create(name=name, kind="postgres", config={"url": f"postgresql://{name}.example/d"})


def kim(*rules):
    return Api(person("kim", "settings:jobs", "job:kim-*", "job:kim-*:edit", *rules))


def job(*, target="ops", connector="ops", query="late"):
    return JOB.format(target=target, connector=connector, query=query)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (job(connector="hr"), "connector:hr:use"),
        (job(target="hr", connector="${params:target_connector}"), "connector:hr:use"),
        (job(target="hr"), "connector:hr:use"),
        (job(connector="${out:refresh.name}"), "connector:${out:refresh.name}:use"),
        (job(query="delete from orders"), "connector:ops:sql"),
    ],
)
def test_a_definition_takes_the_rights_to_all_it_reaches(text, missing):
    api = kim("connector:ops:use")
    assert missing in error(api.post("/import", text), 403)["message"]
    assert not Job.objects.exists()
    assert api.post("/import", job(connector="${params:target_connector}")).status_code == 200
    assert Api(root()).post("/import", text).status_code == 200


def test_an_editor_may_keep_a_statement_and_not_change_it():
    Api(root()).post("/import", job(query="delete from orders"))
    api = kim("connector:ops:use")
    kept = job(query="delete from orders").replace("[[jobs.steps]]", "[[jobs.steps]]\ntimeout_seconds = 9")
    assert api.post("/import", kept).status_code == 200
    changed = job(query="delete from customers")
    assert "connector:ops:sql" in error(api.post("/import", changed), 403)["message"]


def test_one_run_is_not_turned_to_a_connector_its_reader_may_not_use():
    Api(root()).post("/import", job(connector="${params:target_connector}", query="${params:query}"))
    api = Api(person("bob", "job:kim-*:run", "connector:ops:use"))
    turned = {"params": {"target_connector": "hr"}}
    assert "connector:hr:use" in error(api.post("/kim-refresh/run", turned), 403)["message"]
    typed = {"params": {"query": "delete from orders"}}
    assert "connector:ops:sql" in error(api.post("/kim-refresh/run", typed), 403)["message"]
    assert not Run.objects.exists()
    assert api.post("/kim-refresh/run", {"params": {"query": "early"}}).status_code == 202


def test_a_run_as_it_is_saved_takes_no_right_to_its_connectors():
    Api(root()).post("/import", job(target="hr", query="delete from orders"))
    api = Api(person("bob", "job:kim-*:run"))
    assert api.post("/kim-refresh/run", {"params": {"target_connector": "hr"}}).status_code == 202


def test_an_export_leaves_out_connectors_its_reader_may_not_use():
    Api(root()).post("/import", job(connector="hr"))
    text = Api(person("bob", "job:kim-*")).get("/kim-refresh/export").content.decode()
    assert "hr.example" not in text
    assert "connector:hr:use" in text
    assert "hr.example" in Api(root()).get("/kim-refresh/export").content.decode()
