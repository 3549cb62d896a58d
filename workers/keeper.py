"""Holds this process's claims: renews their leases, hears cancel wishes, stops what it can no longer hold.

One thread with one direct connection for all runs of the process. Leases live on the database's clock; the
owner's own patience on its monotonic clock, and it ends before the lease does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from django.conf import settings
from psycopg import sql

from nomaflow import names
from runs_app.lifecycle import RENEW, Claim
from runs_app.states import Reason
from workers.cancel import CancelScope, Stop
from workers.logsink import LogSink

log = logging.getLogger(__name__)

LISTEN_SECONDS = 0.5
RECONNECT_SECONDS = 0.5
FIRST_RENEWAL_SECONDS = 1.0
PATIENCE = 5 / 6
"""The part of its lease after which an owner that could not renew stops."""
BEATS = 4
"""A lease is renewed at least this often while it lasts, whatever the heartbeat says."""
WATCH_SECONDS = 0.5
NETWORK: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
"""A server that says nothing any more is given up, and a new connection tried."""


@dataclass
class _Held:
    claim: Claim
    scope: CancelScope
    sink: LogSink
    renewed: float
    due: float


class Keeper(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="claim-keeper", daemon=True)
        self.pid = os.getpid()
        self._held: dict[int, _Held] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def hold(self, claim: Claim, scope: CancelScope, sink: LogSink) -> Iterator[None]:
        """Keep `claim` for the length of the block; `scope` is stopped when that cannot be done."""
        now = time.monotonic()
        with self._lock:
            self._held[claim.number] = _Held(claim, scope, sink, now, now + FIRST_RENEWAL_SECONDS)
        try:
            yield
        finally:
            with self._lock:
                del self._held[claim.number]

    def run(self) -> None:
        threading.Thread(target=self._watch, name="claim-watch", daemon=True).start()
        while True:
            try:
                with psycopg.connect(
                    settings.NOMAFLOW_DATABASE_DIRECT_URL, autocommit=True, tcp_user_timeout=10_000, **NETWORK
                ) as link:
                    link.execute(sql.SQL("LISTEN {}").format(sql.Identifier(names.CANCEL_CHANNEL)))
                    self._serve(link)
            except psycopg.Error as error:
                log.warning("claims cannot be renewed: %s", error)
            except Exception:
                log.exception("claims cannot be renewed")
            time.sleep(RECONNECT_SECONDS)

    def _watch(self) -> None:
        """In a thread of its own, because a server that hangs holds up the one that renews."""
        while True:
            time.sleep(WATCH_SECONDS)
            self._let_go()

    def _serve(self, link: psycopg.Connection[tuple[object, ...]]) -> None:
        while True:
            for notice in link.notifies(timeout=LISTEN_SECONDS, stop_after=1):
                self._hurry(notice.payload)
            for held in self._all():
                if held.due <= time.monotonic():
                    self._renew(link, held)

    def _hurry(self, payload: str) -> None:
        """A cancel is wished for the run of that number, perhaps one of ours."""
        for held in self._all():
            if str(held.claim.number) == payload:
                held.due = 0

    def _renew(self, link: psycopg.Connection[tuple[object, ...]], held: _Held) -> None:
        lease, asked = settings.NOMAFLOW_LEASE_SECONDS, time.monotonic()
        row = link.execute(
            RENEW,
            (lease, *held.sink.totals, held.claim.number, held.claim.token),
        ).fetchone()
        held.renewed = asked
        held.due = asked + min(settings.NOMAFLOW_HEARTBEAT_SECONDS, lease / BEATS)
        if row is None:
            held.scope.cancel(Stop(Reason.LEASE_LOST, "another hand ended this run"))
        elif row[0]:
            held.scope.cancel(Stop(Reason.USER_CANCEL, f"cancelled by {row[0]}", by=str(row[0])))

    def _let_go(self) -> None:
        """Stop what has not been renewed for too long: another worker may take it when the lease ends."""
        patience = settings.NOMAFLOW_LEASE_SECONDS * PATIENCE
        for held in self._all():
            if time.monotonic() - held.renewed > patience:
                held.scope.cancel(Stop(Reason.LEASE_LOST, "the lease could not be renewed"))

    def _all(self) -> list[_Held]:
        with self._lock:
            return list(self._held.values())


_start = threading.Lock()
_current: Keeper | None = None


def keeper() -> Keeper:
    """This process's keeper; a forked child starts its own."""
    global _current
    if _current is None or _current.pid != os.getpid() or not _current.is_alive():
        with _start:
            if _current is None or _current.pid != os.getpid() or not _current.is_alive():
                _current = Keeper()
                _current.start()
    return _current
