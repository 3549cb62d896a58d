"""The same commands twice: against this database, and against a server's API."""

from __future__ import annotations

from typing import Any

import pytest

from jobs_app import tokens
from tests.cli.shell import Shell
from tests.people import root


@pytest.fixture(params=["local", "remote"])
def shell(request: pytest.FixtureRequest, transactional_db: None, live_server: Any) -> Shell:
    if request.param == "local":
        return Shell()
    _token, plain = tokens.create(root(), name="ci")
    return Shell("--server", live_server.url, "--token", plain)
