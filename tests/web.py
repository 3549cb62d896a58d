"""A real web process beside the test, on the test's database."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import requests
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from tests.eventually import eventually


@dataclass(frozen=True)
class Web:
    host: str

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def socket_url(self) -> str:
        return f"ws://{self.host}"


@contextlib.contextmanager
def web_process(**environment: str) -> Iterator[Web]:
    """uvicorn on a free port, ready on entry."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "nomaflow.asgi:application",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    process = subprocess.Popen(
        command, env={**os.environ, "DJANGO_SETTINGS_MODULE": "settings.test", **environment}
    )
    try:
        web = Web(f"127.0.0.1:{port}")
        eventually(lambda: _answers(web, process), within=60)
        yield web
    finally:
        process.terminate()
        process.wait(20)


def _answers(web: Web, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the web process died"
    try:
        return requests.get(f"{web.url}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


def session_cookie(user: object) -> str:
    """What the browser of a signed-in user sends."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)  # type: ignore[attr-defined]
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()  # type: ignore[attr-defined]
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
