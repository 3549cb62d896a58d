"""The two actions of the API, for whoever asks: a request or the command line."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from jobs_app.api.errors import ApiError
from jobs_app.models import Job
from runs_app import lifecycle
from runs_app.api import requests
from runs_app.dispatch import DispatchError, dispatch
from runs_app.models import Run
from runs_app.presentation import accepted, run_dict


def start(job: Job, body: Any, **how: Any) -> dict[str, Any]:
    """`dispatch` with the body of `POST …/run`; a refusal becomes a 400, or a 409 that names the run in flight."""
    try:
        run = dispatch(job, overrides=requests.overrides(body), as_of=requests.as_of(body), **how)
    except DispatchError as error:
        if error.run is None:
            raise ApiError(error.code, error.message, field=error.field) from error
        active = {"run_id": error.run.run_id, "state": error.run.state}
        raise ApiError(error.code, error.message, field=error.field, status=409, run=active) from error
    return accepted(run)


def cancel(run: Run, *, by: str, address: str | None = None) -> dict[str, Any]:
    """Ask for a cancel; 409 when the run has ended."""
    outcome = lifecycle.request_cancel(run, by=by, address=address)
    run.refresh_from_db()
    if outcome == "already_final":
        sentence = _("%(run)s has ended already: %(state)s.") % {"run": run.run_id, "state": run.state}
        raise ApiError("already_final", sentence, status=409)
    return {"outcome": outcome, "run": run_dict(run)}
