"""Opening and stopping connections with deadlines of our own: a driver's timeout may not cover a silent server."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from nomaflow.extending import Scope
from nomaflow.types import StepFailed

CONNECT_SECONDS = 10
_ABORT_TRIES = 40
_ABORT_PAUSE = 0.25


def open_within(
    connect: Callable[[], Any], *, scope: Scope, what: str, seconds: float = CONNECT_SECONDS
) -> Any:
    """Call `connect` in a thread of its own and wait for it, at most `seconds` and only while `scope` goes on.

    A connection that arrives after nobody waits any more is closed. Raises `StepFailed` of kind `connection`
    at the deadline, `StepCancelled` when stopped, else whatever `connect` raised.
    """
    answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
    abandoned = threading.Event()

    def work() -> None:
        try:
            connection = connect()
        except BaseException as error:
            answers.put((None, error))
            return
        answers.put((connection, None))
        if abandoned.is_set():
            with suppress(Exception):
                connection.close()

    silent = StepFailed(f"{what} did not answer within {seconds:g} s", kind="connection")
    try:
        with scope.guard(lambda: answers.put((None, silent))):
            threading.Thread(target=work, name="connect", daemon=True).start()
            try:
                connection, error = answers.get(timeout=seconds + 1)
            except queue.Empty:
                raise silent from None
            if error is not None:
                scope.check()
                raise error
            return connection
    except BaseException:
        abandoned.set()
        _close_arrived(answers)
        raise


def _close_arrived(answers: queue.SimpleQueue[tuple[Any, BaseException | None]]) -> None:
    with suppress(queue.Empty):
        while True:
            connection, _ = answers.get_nowait()
            if connection is not None:
                connection.close()


@contextmanager
def stopping(scope: Scope, *cancels: Callable[[], object]) -> Iterator[None]:
    """While the block runs, a stop calls every one of `cancels`, again and again until the block is left.

    Once is not enough: a cancel that arrives between two statements finds nothing to cancel.
    """
    left = threading.Event()

    def insist() -> None:
        for _ in range(_ABORT_TRIES):
            for cancel in cancels:
                with suppress(Exception):
                    cancel()
            if left.wait(_ABORT_PAUSE):
                return

    with scope.guard(lambda: threading.Thread(target=insist, name="cancel", daemon=True).start()):
        try:
            yield
        except Exception:
            # What the stop broke is the stop, not an error of its own.
            scope.check()
            raise
        finally:
            left.set()
