"""The proof a cancel owes: that the server works no longer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from nomaflow.extending import Execution
from nomaflow.types import StepCancelled


@contextmanager
def sessions(ctx: Execution, *names: str) -> Iterator[list[Any]]:
    """The connectors' sessions, closed at the end; after a cancel the log says that they ended on the server."""
    with ExitStack() as stack:
        opened = [stack.enter_context(ctx.connector(name)) for name in names]
        try:
            yield opened
        except StepCancelled:
            for session in dict.fromkeys(opened):
                if session.ended_on_server():
                    ctx.log.info("session ended on the server · connector %s", session.name)
                else:
                    ctx.log.warning("no proof yet that the session ended · connector %s", session.name)
            raise
