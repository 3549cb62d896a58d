"""One shape for every refusal: `{"error": {"code", "field", "message", "request_id", …}}`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from jobs_app.definition import DefinitionError


class ApiError(Exception):
    """A request refused. `field` is the part of the request at fault; `extra` stands beside the message."""

    def __init__(
        self, code: str, message: str, *, field: str | None = None, status: int = 400, **extra: Any
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.field, self.status, self.extra = code, message, field, status, extra


def error_body(
    request: Any, *, code: str, message: str, field: str | None = None, **extra: Any
) -> dict[str, Any]:
    identity = getattr(request, "request_id", None)
    return {"error": {"code": code, "field": field, "message": message, "request_id": identity, **extra}}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """What DRF calls for every exception of a view; None leaves it to the 500 handler, which logs it."""
    refusal = _refusal(error)
    if refusal is None:
        return None
    body = error_body(
        context["request"],
        code=refusal.code,
        message=refusal.message,
        field=refusal.field,
        **refusal.extra,
    )
    return Response(body, status=refusal.status, headers=_headers(error))


def _refusal(error: Exception) -> ApiError | None:
    match error:
        case ApiError():
            return error
        case DefinitionError():
            return _definition(error)
        case Http404():
            return ApiError("not_found", _("There is nothing at this address."), status=404)
        case PermissionDenied():
            return ApiError("permission_denied", str(error), status=403)
        case exceptions.APIException():
            return ApiError(_code(error), _sentence(error), status=error.status_code)
        case OperationalError() | InterfaceError():
            return ApiError("unavailable", _("The database does not answer. Try again soon."), status=503)
    return None


def _definition(error: DefinitionError) -> ApiError:
    problems = [{"field": p.field, "message": p.message, "line": p.line} for p in error.problems]
    first = error.problems[0]
    return ApiError("invalid_definition", first.message, field=first.field, problems=problems)


def _code(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else error.default_code


def _sentence(error: exceptions.APIException) -> str:
    return str(error.detail) if isinstance(error.detail, str) else str(error.default_detail)


def _headers(error: Exception) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if isinstance(error, OperationalError | InterfaceError):
        headers["Retry-After"] = "5"
    elif wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(round(wait))
    return headers
