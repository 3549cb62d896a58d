"""What the system suites share."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest


@pytest.fixture
def deaf_port() -> Iterator[Callable[[], int]]:
    """Opens ports whose server takes connections and never says a word."""
    with ExitStack() as stack:

        def open_port() -> int:
            server = stack.enter_context(socket.socket())
            server.bind(("127.0.0.1", 0))
            server.listen()
            return int(server.getsockname()[1])

        yield open_port
