"""The client that uses the database of this installation: all rights, trigger `cli`."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Iterator, Mapping
from typing import Any

from nomaflow.cli import setup
from nomaflow.cli.client import Query, Refused

setup()

from django.http import QueryDict  # noqa: E402

from jobs_app import schedules, toml_format  # noqa: E402
from jobs_app.api.errors import refusal  # noqa: E402
from jobs_app.models import Job  # noqa: E402
from jobs_app.presentation import catalogue, import_dict, job_detail  # noqa: E402
from runs_app import logs  # noqa: E402
from runs_app.api import actions, requests  # noqa: E402
from runs_app.filters import FilterError, RunFilter  # noqa: E402
from runs_app.models import Run  # noqa: E402
from runs_app.presentation import LATEST_LINES, page_dict, run_dict, whole_run  # noqa: E402


def os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())


def actor() -> str:
    """Who is at the keyboard, as the audit trail names them."""
    return f"cli:{os_user()}"[:150]


class LocalClient:
    def jobs(self) -> list[dict[str, Any]]:
        return catalogue(Job.objects.all())

    def job(self, job_id: str) -> dict[str, Any]:
        return job_detail(_job(job_id).pk)

    def start(self, job_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        with _refusals():
            return actions.start(
                _job(job_id), body, triggered_by="cli", trigger_detail=os_user(), actor=actor()
            )

    def set_enabled(self, job_id: str, enabled: bool) -> dict[str, Any]:
        schedules.set_enabled(_job(job_id), enabled, author=actor())
        return self.job(job_id)

    def import_toml(self, text: str) -> dict[str, Any]:
        with _refusals():
            return import_dict(toml_format.import_toml(text, actor=actor()))

    def export_toml(self, job_id: str) -> str:
        return toml_format.export_toml([_job(job_id).pk])

    def runs(self, query: Query) -> dict[str, Any]:
        with _refusals():
            page, before = RunFilter.read(query).page(Run.objects.for_list())
        return {"runs": [run_dict(run) for run in page], "next_before": before}

    def run(self, run_id: str) -> dict[str, Any]:
        run = _run(run_id)
        return whole_run(run, logs.read(run, tail=LATEST_LINES).lines)

    def lines(self, run_id: str, query: Query) -> dict[str, Any]:
        run = _run(run_id)
        with _refusals():
            return page_dict(run, logs.read(run, **requests.log_query(_as_query_dict(query), run)))

    def cancel(self, run_id: str) -> dict[str, Any]:
        with _refusals():
            return actions.cancel(_run(run_id), by=actor())


def _job(job_id: str) -> Job:
    job = Job.objects.filter(pk=job_id).first() if "\0" not in job_id else None
    if job is None:
        raise Refused({"code": "not_found", "message": f"There is no job {job_id}."})
    return job


def _run(run_id: str) -> Run:
    run = Run.objects.with_details().shown_as(run_id).first()
    if run is None:
        raise Refused({"code": "not_found", "message": f"There is no run {run_id}."})
    return run


def _as_query_dict(query: Query) -> QueryDict:
    given = QueryDict(mutable=True)
    given.update({name: str(value) for name, value in query.items() if value is not None})
    return given


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """The domain's refusals as the command line's, in the API's own words."""
    try:
        yield
    except FilterError as error:
        problem = {"code": "invalid_value", "field": error.field, "message": error.message}
        raise Refused(problem) from error
    except Exception as error:
        refused = refusal(error)
        if refused is None:
            raise
        raise Refused(refused.as_dict()) from error
