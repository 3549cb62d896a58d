"""`http`: one request to one address."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings

from nomaflow.extending import Execution, Field, InvalidConfig, StepType
from nomaflow.types import StepFailed
from workers import outbound
from workers.connectors.opening import open_within, stopping

PREVIEW_BYTES = 64 * 1024
_CONNECT_SECONDS = 10
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Http(StepType):
    type = "http"
    label = "HTTP request"
    idempotent = False
    cancel_note = "The connection is closed; the other side may have done its work already."
    fields = (
        Field(name="url", kind="url", label="URL", required=True),
        Field(name="method", kind="choice", label="Method", default="GET", choices=_METHODS),
        Field(name="headers", kind="map", label="Headers", default={}),
        Field(name="body", kind="json", label="Body", help="Text, or a list or table that is sent as JSON."),
        Field(name="timeout", kind="number", label="Timeout (s)", default=60, minimum=1, maximum=86400,
              help="Longest wait for the connection and between two pieces of the answer."),
    )  # fmt: skip

    def clean(self, config: Mapping[str, Any]) -> dict[str, Any]:
        cleaned = super().clean(config)
        if "${" not in cleaned["url"] and not _is_http(cleaned["url"]):
            raise InvalidConfig({"url": "must start with http:// or https:// and name a host"})
        return cleaned

    def run(self, ctx: Execution, config: Mapping[str, Any]) -> dict[str, Any]:
        data, extra = _body(config.get("body"))
        headers = outbound.headers({**extra, **(config.get("headers") or {})})
        method, url = config.get("method") or "GET", str(config["url"])
        started = time.monotonic()
        with _Call(ctx) as call:
            status, preview, truncated = call.send(
                method, url, headers=headers, data=data, timeout=float(config.get("timeout") or 60)
            )
        elapsed = round((time.monotonic() - started) * 1000)
        ctx.log.info("%s %s · %d · %d ms", method, ctx.mask(_shown(url)), status, elapsed)
        if status >= 400 or 300 <= status < 400:
            raise _refused(status, preview)
        output: dict[str, Any] = {"status": status, "elapsed_ms": elapsed, "body_preview": preview}
        return {**output, "truncated": True} if truncated else output


class _Call:
    """One request whose socket a stop can shut."""

    def __init__(self, ctx: Execution) -> None:
        self._ctx = ctx
        self._sockets: list[socket.socket] = []
        self._stopped = threading.Event()

    def __enter__(self) -> _Call:
        return self

    def __exit__(self, *_: object) -> None:
        self._shut()
        for found in self._sockets:
            found.close()

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str], data: bytes | None, timeout: float
    ) -> tuple[int, str, bool]:
        """Status, the beginning of the body, and whether there was more."""
        # Resolving a name cannot be interrupted, so it happens where nobody waits for it longer than allowed.
        target = open_within(
            lambda: _Found(outbound.destination(url, policy())), scope=self._ctx.scope, what=_shown(url)
        ).target
        try:
            with (
                stopping(self._ctx.scope, self._stop),
                outbound.session(target, on_socket=self._opened) as session,
                session.request(
                    method, url, headers=dict(headers), data=data, stream=True, allow_redirects=False,
                    timeout=(min(_CONNECT_SECONDS, timeout), timeout),
                ) as response,
            ):  # fmt: skip
                body, truncated = _read(response)
                return response.status_code, body, truncated
        except requests.Timeout:
            raise StepFailed(f"{target.host} did not answer within {timeout:g} s", kind="timeout") from None
        except requests.RequestException as error:
            # Without the cause: its text holds the URL with the query.
            raise StepFailed(f"{target.host}: {_reason(error)}", kind="connection") from None

    def _opened(self, found: socket.socket) -> None:
        self._sockets.append(found.dup())  # TLS takes the socket itself away from its object
        if self._stopped.is_set():
            self._shut()

    def _stop(self) -> None:
        self._stopped.set()
        self._shut()

    def _shut(self) -> None:
        for found in self._sockets:
            with suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)


class _Found:
    """A destination on its way back from the thread that resolved it."""

    def __init__(self, target: outbound.Destination) -> None:
        self.target = target

    def close(self) -> None:
        """Nothing is open yet."""


def policy() -> outbound.OutboundPolicy:
    """This installation's policy."""
    return outbound.OutboundPolicy.of(
        allow=settings.NOMAFLOW_HTTP_ALLOW,
        networks=settings.NOMAFLOW_HTTP_NETWORKS,
        servers=(settings.CELERY_BROKER_URL, settings.NOMAFLOW_DATABASE_DIRECT_URL),
    )


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        return False


def _body(body: Any) -> tuple[bytes | None, dict[str, str]]:
    if body is None or body == "":
        return None, {}
    if isinstance(body, str):
        return body.encode(), {}
    return json.dumps(body).encode(), {"Content-Type": "application/json"}


def _read(response: requests.Response) -> tuple[str, bool]:
    """At most the preview is kept, and not much more is read: a body may be endless or unpack to gigabytes."""
    found = bytearray()
    for piece in response.iter_content(8192):
        found += piece
        if len(found) > PREVIEW_BYTES:
            break
    try:
        text = bytes(found[:PREVIEW_BYTES]).decode(response.encoding or "utf-8", errors="replace")
    except LookupError:
        text = bytes(found[:PREVIEW_BYTES]).decode("utf-8", errors="replace")
    return text.replace("\0", "\ufffd"), len(found) > PREVIEW_BYTES


def _shown(url: str) -> str:
    """Without the query, which often holds a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _reason(error: requests.RequestException) -> str:
    """The innermost cause, without the URL that the outer ones repeat."""
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return str(getattr(cause, "strerror", None) or cause) or type(cause).__name__


def _refused(status: int, preview: str) -> StepFailed:
    if status < 400:
        return StepFailed(f"the server answered {status}: redirects are not followed", retry=False)
    kind = "http_5xx" if status >= 500 else "http_429" if status in (408, 425, 429) else "http_4xx"
    start = " ".join(preview.split())[:300]
    return StepFailed(f"the server answered {status}" + (f": {start}" if start else ""), kind=kind)
