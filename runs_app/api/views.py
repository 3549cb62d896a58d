"""The endpoints about runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from jobs_app import audit
from jobs_app.api.errors import ApiError
from jobs_app.api.scope import ApiView, JobScoped
from runs_app import lifecycle, logs
from runs_app.api import requests
from runs_app.api.scope import RunScoped
from runs_app.dispatch import DispatchError, dispatch
from runs_app.filters import FilterError, RunFilter
from runs_app.models import Run
from runs_app.presentation import accepted, line_dict, run_dict, whole_run

LATEST_LINES = 1_000


class JobRun(JobScoped):
    verb = "run"

    def post(self, request: Request, job_id: str) -> Response:
        triggered_by, detail = self.trigger
        run = start(
            self.job,
            request.data,
            triggered_by=triggered_by,
            trigger_detail=detail,
            idempotency_key=requests.idempotency_key(request.headers.get("Idempotency-Key")),
            address=self.address,
        )
        return Response(accepted(run), status=202)


def start(job: Any, body: dict[str, Any], **how: Any) -> Run:
    """`dispatch`, its refusals turned into answers."""
    try:
        return dispatch(job, overrides=requests.overrides(body), as_of=requests.as_of(body), **how)
    except DispatchError as error:
        if error.run is None:
            raise ApiError(error.code, error.message, field=error.field) from error
        active = {"run_id": error.run.run_id, "state": error.run.state}
        raise ApiError(error.code, error.message, field=error.field, status=409, run=active) from error


class RunList(ApiView):
    def get(self, request: Request) -> Response:
        try:
            chosen = RunFilter.read(request.query_params)
        except FilterError as error:
            raise ApiError("invalid_value", error.message, field=error.field) from error
        page, before = chosen.page(Run.objects.visible_to(request.user).for_list())
        return Response({"runs": [run_dict(run) for run in page], "next_before": before})


class RunDetail(RunScoped):
    def get(self, request: Request, run: int) -> Response:
        return Response(whole_run(self.run, logs.read(self.run, tail=LATEST_LINES).lines))


class RunLogs(RunScoped):
    """`format=json` (lines as objects), `rows` (as short arrays) or `text`; `download=1` sends a file."""

    def get(self, request: Request, run: int) -> Response | StreamingHttpResponse:
        form = request.query_params.get("format", "json")
        if form == "text" or request.query_params.get("download"):
            return self._text(request)
        if form not in ("json", "rows"):
            raise ApiError("invalid_value", "The format is json, rows or text.", field="format")
        page = logs.read(self.run, **requests.log_query(request.query_params, self.run))
        lines = logs.rows(page.lines) if form == "rows" else self._objects(page.lines)
        return Response({"lines": lines, "last": page.last, "more": page.more, "state": self.run.state})

    def _objects(self, lines: list[Any]) -> list[dict[str, Any]]:
        names = {step.position: step.name for step in self.run.steps.all()}
        return [line_dict(line, names) for line in lines]

    def _text(self, request: Request) -> StreamingHttpResponse:
        response = StreamingHttpResponse(content_type="text/plain; charset=utf-8")
        pieces = logs.download(self.run)
        asynchronous = isinstance(request._request, ASGIRequest)
        response.streaming_content = _in_threads(pieces) if asynchronous else pieces
        if request.query_params.get("download"):
            response["Content-Disposition"] = f'attachment; filename="{self.run.run_id}.log"'
        return response


async def _in_threads(pieces: Iterator[str]) -> AsyncIterator[str]:
    """Read a blocking iterator from the event loop, some hundred lines at a time."""
    while chunk := await sync_to_async(_some)(pieces):
        yield chunk


def _some(pieces: Iterator[str], *, most: int = 500) -> str:
    return "".join(piece for _n, piece in zip(range(most), pieces, strict=False))


class RunCancel(RunScoped):
    verb = "cancel"

    def post(self, request: Request, run: int) -> Response:
        by = self.trigger[0] if self.request.auth is None else f"{self.trigger[0]}:{self.actor}"
        outcome = lifecycle.request_cancel(self.run, by=by)
        if outcome == "already_final":
            self.run.refresh_from_db(fields=["state"])
            raise ApiError("already_final", f"{self.run.run_id} is {self.run.state}.", status=409)
        audit.record(by, "run.cancel", kind="run", id=self.run.run_id, address=self.address)
        self.run.refresh_from_db()
        return Response({"outcome": outcome, "run": run_dict(self.run)}, status=202)
