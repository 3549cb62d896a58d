"""Every address × method × role. An address or a method that is not in the table fails the test."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from runs_app.states import RunState
from tests.api.routes import all_routes
from tests.factories import make_job, make_run
from tests.people import ann, bob, eve, root

pytestmark = pytest.mark.django_db

ROLES = {"anonymous": None, "eve": eve, "bob": bob, "ann": ann, "root": root}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# What anonymous, eve (nothing), bob (may run), ann (may edit), root (everything) are answered.
OPEN = (200, 200, 200, 200, 200)
HOME = (302, 302, 302, 302, 302)
ANYBODY = (401, 200, 200, 200, 200)
VIEW = (401, 404, 200, 200, 200)
RUN = (401, 404, 202, 202, 202)
CANCEL = (401, 404, 403, 202, 202)
EDIT = (401, 404, 403, 200, 200)
SETTINGS_JOBS = (401, 403, 403, 200, 200)

# The pages: anonymous is sent to sign in, everybody signed in sees the parts that are theirs.
PAGE = (302, 200, 200, 200, 200)
SIGN_IN = (200, 302, 302, 302, 302)
PAGE_VIEW = (302, 404, 200, 200, 200)
PAGE_CANCEL = (302, 404, 403, 200, 200)

TABLE = {
    "nomaflow/sign-in": {"GET": SIGN_IN, "POST": SIGN_IN, "PUT": SIGN_IN},
    "nomaflow/sign-out": {"POST": HOME},
    "nomaflow/counts": {"GET": PAGE},
    "nomaflow": {"GET": PAGE},
    "nomaflow/tally": {"GET": PAGE},
    "nomaflow/jobs/<job_id:job_id>": {"GET": PAGE_VIEW},
    "nomaflow/jobs/<job_id:job_id>/card": {"GET": PAGE_VIEW},
    "nomaflow/jobs/<job_id:job_id>/run": {"GET": PAGE_VIEW},
    "nomaflow/runs": {"GET": PAGE},
    "nomaflow/runs/<run_id:run>": {"GET": PAGE_VIEW},
    "nomaflow/runs/<run_id:run>/live": {"GET": PAGE_VIEW},
    "nomaflow/runs/<run_id:run>/cancel": {"GET": PAGE_CANCEL, "POST": (302, 404, 403, 302, 302)},
    "": {"GET": HOME, "POST": HOME, "PUT": HOME, "PATCH": HOME, "DELETE": HOME},
    "healthz": dict.fromkeys(METHODS, OPEN),
    "readyz": dict.fromkeys(METHODS, OPEN),
    "admin/jobs": {"GET": ANYBODY},
    "admin/jobs/import": {"POST": SETTINGS_JOBS},
    "admin/jobs/<job_id:job_id>": {"GET": VIEW},
    "admin/jobs/<job_id:job_id>/export": {"GET": VIEW},
    "admin/jobs/<job_id:job_id>/enable": {"POST": EDIT},
    "admin/jobs/<job_id:job_id>/disable": {"POST": EDIT},
    "admin/jobs/<job_id:job_id>/run": {"POST": RUN},
    "admin/jobs/runs": {"GET": ANYBODY},
    "admin/jobs/runs/<run_id:run>": {"GET": VIEW},
    "admin/jobs/runs/<run_id:run>/logs": {"GET": VIEW},
    "admin/jobs/runs/<run_id:run>/cancel": {"POST": CANCEL},
    "admin/jobs/runs/<run_id:run>/abort": {"POST": CANCEL},
}


def test_every_address_is_in_the_table():
    assert sorted(all_routes()) == sorted(TABLE)


def test_every_endpoint_is_described() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text()
    shown = [r.replace("<job_id:job_id>", "<id>").replace("<run_id:run>", "<run_id>") for r in all_routes()]
    assert [route for route in shown if route.startswith("admin/jobs") and f"/{route}`" not in text] == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", TABLE)
def test_each_role_is_answered_as_the_table_says(route, role):
    job = make_job(single_instance=False)
    run = make_run(job, RunState.RUNNING, single_instance=False)
    client = Client(raise_request_exception=False)
    if make := ROLES[role]:
        client.force_login(make())
    path = "/" + route.replace("<job_id:job_id>", job.pk).replace("<run_id:run>", run.run_id)
    for method in METHODS:
        status = client.generic(method, path).status_code
        if method in TABLE[route]:
            assert status == TABLE[route][method][list(ROLES).index(role)], method
        else:
            assert status in (401, 403, 404, 405) or sent_to_sign_in(route, role, status), method


def sent_to_sign_in(route: str, role: str, status: int) -> bool:
    """A page asks who somebody is before it looks at anything else; signing in again leads home."""
    asks = route.startswith("nomaflow") and (role == "anonymous" or route == "nomaflow/sign-in")
    return asks and status == 302
