"""Addresses, health, error pages, request ids, headers."""

from __future__ import annotations

import importlib

import pytest
from django.test import Client

from nomaflow import health
from tests.api.client import Api, error
from tests.factories import make_job, make_run
from tests.people import ann, root

pytestmark = pytest.mark.django_db


def test_healthz_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert Client().get("/healthz").json() == {"status": "ok"}


def test_readyz_names_its_parts():
    response = Client().get("/readyz")
    assert response.status_code == 200, response.content
    assert response.json()["checks"] == {"database": "ok", "migrations": "ok", "broker": "ok"}


def test_readyz_reads_the_migrations_once(django_assert_num_queries):
    Client().get("/readyz")
    with django_assert_num_queries(1):
        assert Client().get("/readyz").json()["checks"]["migrations"] == "ok"


def test_readyz_says_what_is_missing_and_not_where(settings):
    settings.CELERY_BROKER_URL = "redis+socket:///nowhere/secret.sock"
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"] == {"database": "ok", "migrations": "ok", "broker": "unreachable"}
    assert b"secret" not in response.content


def test_the_root_leads_to_the_jobs():
    assert Client().get("/")["Location"] == "/nomaflow"


@pytest.mark.parametrize("path", ["/healthz/", "/admin/jobs/", "/admin/jobs/runs/"])
def test_the_slashed_form_answers_without_a_redirect(path):
    client = Client()
    client.force_login(root())
    assert client.get(path).status_code == 200


def test_a_slashed_post_keeps_its_body():
    make_job()
    assert error(Api(ann()).post("/ann-nightly/run/", {"params": {"nope": 1}}), 400)["field"] == "params.nope"


def test_an_unknown_address_is_json_below_the_api_and_a_page_elsewhere():
    assert error(Client().get("/admin/jobs/x/y/z"), 404)["code"] == "not_found"
    page = Client().get("/nowhere")
    assert page.status_code == 404
    assert page["Content-Type"].startswith("text/html")
    assert page["X-Request-ID"] in page.content.decode()


def test_a_fault_of_ours_is_a_500_with_an_id_and_no_detail(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("jobs_app.api.views.catalogue", fail)
    monkeypatch.setitem(health.CHECKS, "database", fail)
    refused = error(Api(root()).get(""), 500)
    assert refused["code"] == "server_error"
    assert "secret" not in refused["message"]
    assert Client().get("/readyz").json()["checks"]["database"] == "unreachable"


def test_a_proxys_request_id_is_kept_and_a_strange_one_is_not():
    assert Client().get("/healthz", headers={"X-Request-ID": "edge-7"})["X-Request-ID"] == "edge-7"
    assert Client().get("/healthz", headers={"X-Request-ID": "a b"})["X-Request-ID"] != "a b"


def test_the_raw_tables_are_read_only():
    run = make_run(make_job(), lines=["<b>bold</b>"])
    client = Client()
    client.force_login(root())
    page = client.get(f"/django-admin/runs/run/{run.pk}/change/")
    assert page.status_code == 200
    assert b"&lt;b&gt;bold" in page.content
    assert f'href="/nomaflow/runs/{run.run_id}"'.encode() in page.content
    for model in ("run", "steprun", "attempt", "runevent"):
        assert client.get(f"/django-admin/runs/{model}/", {"q": "ann-nightly"}).status_code == 200
        assert client.get(f"/django-admin/runs/{model}/add/").status_code == 403
    assert client.post(f"/django-admin/runs/run/{run.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_fault_behind_a_page_is_a_page_with_an_id(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("django.views.generic.RedirectView.get", fail)
    page = Client(raise_request_exception=False).get("/")
    assert page.status_code == 500
    assert page["X-Request-ID"] in page.content.decode()
    assert b"secret" not in page.content


def test_a_form_without_its_csrf_token_is_refused_with_a_way_on():
    page = Client(enforce_csrf_checks=True).post("/django-admin/login/", {"username": "ann"})
    assert page.status_code == 403
    assert b"Load it again" in page.content


HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("/nomaflow", "testserver"),
        ("/admin/jobs", "testserver"),
        ("/admin/jobs/x/y/z", "testserver"),
        ("/admin/jobs", "elsewhere.example"),
        ("/nomaflow", "elsewhere.example"),
        ("/healthz", "testserver"),
        ("/nomaflow/counts", "testserver"),
        ("/nowhere", "testserver"),
        ("/static/admin/css/base.css", "testserver"),
        ("/django-admin/", "testserver"),
    ],
)
def test_every_answer_tells_browsers_to_be_careful(path, host):
    client = Client()
    client.force_login(root())
    response = client.get(path, headers={"Host": host})
    response.close()  # a file of the static ones
    assert {name: response.get(name) for name in HEADERS} == HEADERS
    policy = response["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    if not path.startswith("/static/"):
        assert "no-store" in response["Cache-Control"]


def test_installations_on_one_host_have_cookies_of_their_own(monkeypatch):
    names = set()
    for key in ("one", "two", "one"):
        monkeypatch.setenv("NOMAFLOW_SECRET_KEY", key)
        base = importlib.reload(importlib.import_module("settings.base"))
        names |= {base.SESSION_COOKIE_NAME, base.CSRF_COOKIE_NAME}
    assert len(names) == 4
