"""The endpoints about runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from jobs_app.api.errors import ApiError
from jobs_app.api.scope import ApiView, JobScoped
from runs_app import logs
from runs_app.api import actions, requests
from runs_app.api.scope import RunScoped
from runs_app.filters import FilterError, RunFilter
from runs_app.models import Run
from runs_app.presentation import LATEST_LINES, page_dict, run_dict, whole_run


class JobRun(JobScoped):
    verb = "run"

    def post(self, request: Request, job_id: str) -> Response:
        triggered_by, detail = self.trigger
        answer = actions.start(
            self.job,
            request.data,
            may=self.may,
            triggered_by=triggered_by,
            trigger_detail=detail,
            idempotency_key=requests.idempotency_key(request.headers.get("Idempotency-Key")),
            address=self.address,
            actor=self.actor,
        )
        return Response(answer, status=202)


class RunList(ApiView):
    def get(self, request: Request) -> Response:
        try:
            chosen = RunFilter.read(request.query_params)
        except FilterError as error:
            raise ApiError("invalid_value", error.message, field=error.field) from error
        page, before = chosen.page(Run.objects.visible_to(request.user).for_list())
        return Response({"runs": [run_dict(run) for run in page], "next_before": before})


class RunDetail(RunScoped):
    details = True

    def get(self, request: Request, run: int) -> Response:
        return Response(whole_run(self.run, logs.read(self.run, tail=LATEST_LINES).lines))


class RunLogs(RunScoped):
    """`format=json` (lines as objects), `rows` (as short arrays) or `text`; `download=1` sends a file."""

    def get(self, request: Request, run: int) -> Response | StreamingHttpResponse:
        form = request.query_params.get("format", "json")
        if form == "text" or request.query_params.get("download"):
            return self._text(request)
        if form not in ("json", "rows"):
            raise ApiError("invalid_value", _("The format is json, rows or text."), field="format")
        page = logs.read(self.run, **requests.log_query(request.query_params, self.run))
        return Response(page_dict(self.run, page, compact=form == "rows"))

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
        answer = actions.cancel(self.run, by=self.actor, address=self.address)
        return Response(answer, status=202)
