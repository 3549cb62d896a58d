"""A client as small as a script's: JSON in, JSON out, an error is an answer and not an exception."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from jobs_app import tokens


class Api:
    """Asks as one user: by session, or by a fresh token with `token=True`."""

    def __init__(self, user: Any = None, *, token: bool = False, scopes: tuple[str, ...] = ()) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers: dict[str, str] = {}
        if token:
            _row, plain = tokens.create(user, name="ci", scopes=list(scopes), expires_at=None)
            self.headers["Authorization"] = f"Token {plain}"
        elif user is not None:
            self.client.force_login(user)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/admin/jobs{path}", query, headers=self.headers)

    def post(self, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Any:
        raw = body if isinstance(body, str | bytes) else json.dumps({} if body is None else body)
        return self.client.post(
            f"/admin/jobs{path}",
            raw,
            content_type="application/json",
            headers={**self.headers, **(headers or {})},
        )


def error(response: Any, status: int) -> dict[str, Any]:
    """The error of a refused request, its shape checked."""
    assert response.status_code == status, response.content
    found = response.json()["error"]
    assert {"code", "field", "message", "request_id"} <= set(found)
    assert found["message"]
    assert found["request_id"] == response["X-Request-ID"]
    return found
