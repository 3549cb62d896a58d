"""The doorbell: one Celery message with the run's number, after the commit. Losing one costs a sweep, never a run."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence

from celery import current_app
from django.db import transaction
from kombu import Connection

from nomaflow import names
from runs_app.models import Run

log = logging.getLogger(__name__)

SHORT = {
    "socket_connect_timeout": 0.3,
    "socket_timeout": 0.5,
    "retry_on_timeout": False,
    "max_connections": 4,
}
PAUSE_SECONDS = 2.0
"""After a failed ring nobody tries again for this long; the sweep rings instead."""

_local = threading.local()
_quiet_until = 0.0


def ring(run: Run) -> None:
    """Ring for `run` once its transaction is committed. Never raises, never waits longer than 0.5 s."""
    number, pool, priority = run.pk, run.pool, run.priority
    transaction.on_commit(lambda: ring_now(number, pool=pool, priority=priority))


def ring_aside(runs: Sequence[Run]) -> None:
    """Ring for many after the commit, from a thread: the scheduler does not wait for the broker."""
    rings = [(run.pk, run.pool, run.priority) for run in runs]

    def hand_over() -> None:
        for ring in rings:
            _ringer().wanted.put(ring)

    transaction.on_commit(hand_over)


class _Ringer(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="doorbells", daemon=True)
        self.wanted: queue.SimpleQueue[tuple[int, str, int]] = queue.SimpleQueue()

    def run(self) -> None:
        while True:
            number, pool, priority = self.wanted.get()
            ring_now(number, pool=pool, priority=priority)


_start = threading.Lock()
_current: _Ringer | None = None


def _ringer() -> _Ringer:
    """This process's thread; a forked child starts its own because threads do not survive a fork."""
    global _current
    with _start:
        if _current is None or not _current.is_alive():
            _current = _Ringer()
            _current.start()
    return _current


def ring_now(number: int, *, pool: str, priority: int = 0) -> bool:
    """Send the message; False when the broker could not be reached."""
    global _quiet_until
    if time.monotonic() < _quiet_until:
        return False
    try:
        current_app.send_task(
            names.EXECUTE_RUN, (number,), queue=pool, priority=priority, connection=_connection(), retry=False
        )
    except Exception as error:  # any broker trouble: the run is stored, the sweep rings again
        _quiet_until = time.monotonic() + PAUSE_SECONDS
        _forget_connection()
        log.warning("doorbell for run %s not heard: %s", number, error)
        return False
    return True


def _connection() -> Connection:
    """This thread's connection with a publisher's short patience (the worker's own is a consumer's)."""
    if getattr(_local, "connection", None) is None:
        _local.connection = current_app.connection_for_write(transport_options=SHORT)
    return _local.connection


def _forget_connection() -> None:
    connection, _local.connection = getattr(_local, "connection", None), None
    if connection is not None:
        connection.release()
