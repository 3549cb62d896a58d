"""The answers to what no view handled: JSON where programs ask, a plain page where people do."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from jobs_app.api.errors import ApiError, error_body


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 404, code="not_found", message=_("There is nothing at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    message = _("Something went wrong on our side. The server's log tells more under this request id.")
    return _answer(request, 500, code="server_error", message=message)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 400, code="bad_request", message=_("The request could not be understood."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    sentence = str(exception) or _("You may not do this.")
    return _answer(request, 403, code="permission_denied", message=sentence)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    message = _("This page is too old to be sent. Load it again, then repeat what you did.")
    return _answer(request, 403, code="csrf_failed", message=message)


def _answer(request: HttpRequest, status: int, *, code: str, message: str) -> HttpResponse:
    if request.path_info.startswith("/admin/jobs"):
        body = error_body(request, ApiError(code, message))
        return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})
    known = status != 500 and getattr(request, "user", None) is not None and request.user.is_authenticated
    context = {
        "status": status,
        "message": message,
        "request_id": getattr(request, "request_id", ""),
        "with_shell": known,
    }
    page = render(request, "nomaflow/error.html", context, status=status)
    add_never_cache_headers(page)
    return page
