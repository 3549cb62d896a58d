"""The client that asks a server's REST API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import click
import requests
import requests.auth

from nomaflow.cli.client import Query, Refused

_TIMEOUT = (5, 60)


class _TokenAuth(requests.auth.AuthBase):
    """As `auth` and not as a plain header: a `.netrc` entry for the server would replace that."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Token {self._token}"
        return request


class RemoteClient:
    def __init__(self, server: str, token: str) -> None:
        if urlsplit(server).scheme not in ("http", "https"):
            raise click.UsageError(f"--server must start with http:// or https://, not {server!r}.")
        self._base = server.rstrip("/") + "/admin/jobs"
        self._session = requests.Session()
        self._session.auth = _TokenAuth(token)

    def jobs(self) -> list[dict[str, Any]]:
        return self._json("GET", "")["jobs"]

    def job(self, job_id: str) -> dict[str, Any]:
        return self._json("GET", f"/{_segment(job_id)}")["job"]

    def start(self, job_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._json("POST", f"/{_segment(job_id)}/run", json=body)

    def set_enabled(self, job_id: str, enabled: bool) -> dict[str, Any]:
        return self._json("POST", f"/{_segment(job_id)}/{'enable' if enabled else 'disable'}")["job"]

    def import_toml(self, text: str) -> dict[str, Any]:
        headers = {"Content-Type": "application/toml"}
        return self._json("POST", "/import", data=text.encode(), headers=headers)

    def export_toml(self, job_id: str) -> str:
        return self._send("GET", f"/{_segment(job_id)}/export").text

    def runs(self, query: Query) -> dict[str, Any]:
        return self._json("GET", "/runs", params=query)

    def run(self, run_id: str) -> dict[str, Any]:
        return self._json("GET", f"/runs/{_segment(run_id)}")

    def lines(self, run_id: str, query: Query) -> dict[str, Any]:
        return self._json("GET", f"/runs/{_segment(run_id)}/logs", params=query)

    def cancel(self, run_id: str) -> dict[str, Any]:
        return self._json("POST", f"/runs/{_segment(run_id)}/cancel")

    def _json(self, method: str, path: str, **request: Any) -> Any:
        response = self._send(method, path, **request)
        try:
            return response.json()
        except ValueError:
            raise Refused({"code": "no_api", "message": f"{self._base} is no Nomaflow API."}) from None

    def _send(self, method: str, path: str, **request: Any) -> requests.Response:
        try:
            response = self._session.request(
                method, self._base + path, timeout=_TIMEOUT, allow_redirects=False, **request
            )
        except requests.RequestException as error:
            message = f"{self._base} does not answer ({type(error).__name__})."
            raise Refused({"code": "unreachable", "message": message}) from error
        if response.status_code >= 300:
            raise Refused(_error(response))
        return response


def _error(response: requests.Response) -> dict[str, Any]:
    try:
        return dict(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return {"code": "http", "message": f"The server answered {response.status_code} {response.reason}."}


def _segment(text: str) -> str:
    return quote(text, safe="")
