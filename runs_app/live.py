"""The echo: after a commit, tell whoever is watching. It may lose a message, it never says what is not stored.

One event loop in one thread a process sends everything, so that no publish makes a loop or a connection of its own;
a dead broker costs the caller nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from channels.layers import get_channel_layer

from nomaflow import names

log = logging.getLogger(__name__)

SEND_SECONDS = 1.0
PAUSE_SECONDS = 1.0
MOST_WAITING = 200
HEAD_START_SECONDS = 0.005
"""The caller rings the doorbell first: two threads of one interpreter slow each other down."""


def publish_lines(number: int, rows: Sequence[Sequence[Any]]) -> None:
    """Rows as `logs.rows` makes them, stored already, in order and without a gap."""
    _publisher().send(
        names.run_group(number), {"type": "lines", "from": rows[0][0], "to": rows[-1][0], "lines": list(rows)}
    )


def publish_state(number: int, job_id: str, state: str) -> None:
    """Say that a run changed; the pages fetch what they show."""
    message = {"type": "state", "run": number, "job": job_id, "state": str(state)}
    publisher = _publisher()
    publisher.send(names.run_group(number), message)
    publisher.send(names.FEED_GROUP, message)


class _Publisher:
    """A daemon thread with one loop; sends in order, forgets when the broker is away."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._paused_until = 0.0
        threading.Thread(target=self._run, name="live-publisher", daemon=True).start()

    def send(self, group: str, message: dict[str, Any]) -> None:
        if self._queue.qsize() < MOST_WAITING and time.monotonic() >= self._paused_until:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, (group, message))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._forward())

    async def _forward(self) -> None:
        layer = get_channel_layer()
        while True:
            waiting = [await self._queue.get()]
            await asyncio.sleep(HEAD_START_SECONDS)
            while not self._queue.empty():
                waiting.append(self._queue.get_nowait())
            try:
                for group, message in waiting:
                    await asyncio.wait_for(layer.group_send(group, message), SEND_SECONDS)
            except Exception as error:  # the broker is away; the table still tells all
                self._paused_until = time.monotonic() + PAUSE_SECONDS
                log.warning("live pages are not told: %s", error)


_lock = threading.Lock()
_current: _Publisher | None = None


def _publisher() -> _Publisher:
    """This process's publisher; a fork makes its own."""
    global _current
    if _current is None or _current.pid != os.getpid():
        with _lock:
            if _current is None or _current.pid != os.getpid():
                _current = _Publisher()
    return _current
