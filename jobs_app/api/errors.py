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

    def as_dict(self) -> dict[str, Any]:
        return {"code": self.code, "field": self.field, "message": self.message, **self.extra}


def error_body(request: Any, error: ApiError) -> dict[str, Any]:
    """The JSON a refused request is answered with."""
    return {"error": error.as_dict() | {"request_id": getattr(request, "request_id", None)}}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """What DRF calls for every exception of a view; None leaves it to the 500 handler, which logs it."""
    refused = refusal(error)
    if refused is None:
        return None
    body = error_body(context["request"], refused)
    return Response(body, status=refused.status, headers=_headers(error))


def refusal(error: Exception) -> ApiError | None:
    """What to tell whoever asked; None for an error that is ours."""
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
