"""What every request passes through before the apps see it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

Answer = Callable[[HttpRequest], HttpResponse]
_GIVEN_ID = re.compile(r"\A[A-Za-z0-9._-]{1,64}\Z")
_OWN_PREFIXES = ("/admin/jobs", "/nomaflow", "/healthz", "/readyz")


def request_id(answer: Answer) -> Answer:
    """Give each request an id (a proxy's own `X-Request-ID` is kept) and repeat it in the response."""

    def handle(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        own = given if _GIVEN_ID.match(given) else uuid.uuid4().hex
        request.request_id = own  # type: ignore[attr-defined]
        response = answer(request)
        response["X-Request-ID"] = own
        return response

    return handle


def slashed_form(answer: Answer) -> Answer:
    """Answer `/path/` as `/path`. A redirect would lose the body of a POST."""

    def handle(request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(_OWN_PREFIXES):
            request.path_info = request.path_info.removesuffix("/")
        return answer(request)

    return handle
