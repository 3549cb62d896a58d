"""The two actions of the API, for whoever asks: a request or the command line."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from jobs_app import connector_rights
from jobs_app.api.errors import ApiError
from jobs_app.models import Connector, Job
from jobs_app.permissions import Permissions
from runs_app import lifecycle
from runs_app.api import requests
from runs_app.dispatch import DispatchError, dispatch, with_overrides
from runs_app.models import Run
from runs_app.presentation import accepted, run_dict


def start(job: Job, body: Any, *, may: Permissions | None = None, **how: Any) -> dict[str, Any]:
    """`dispatch` with the body of `POST …/run`; a refusal becomes a 400, or a 409 that names the run in flight.

    With `may`, a connector this run is turned to takes the right to use it: `PermissionDenied` names it.
    """
    overrides, as_of = requests.overrides(body), requests.as_of(body)
    try:
        if may and job.version and (overrides.params or overrides.op_kwargs):
            saved, known = job.version.definition, Connector.objects.values_list("pk", flat=True)
            fired = with_overrides(saved, overrides)
            connector_rights.require(may, fired, known=set(known), saved=saved, only_new=True)
        run = dispatch(job, overrides=overrides, as_of=as_of, **how)
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
