"""The scheduler of `celery beat`: our jobs fire from the database, plain periodic tasks as Celery does it.

The tick claims due jobs and nothing else. The sweep and Celery's own schedule run in threads beside it, so that
a broker that hangs delays no fire.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, connections
from django.db.models import QuerySet
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from nomaflow.names import MIRROR_TASK
from workers import claims, pulse, sweeper

log = logging.getLogger(__name__)

LONGEST_SLEEP = 1.0
"""Seconds; an edit may have brought a fire nearer than was known."""
PLAIN_TASKS_LOCK = 0x4E4F4D42
"""Advisory lock of the one beat that sends plain periodic tasks."""


class NomaScheduler(DatabaseScheduler):
    """Run as many as you like: every job's fire is recorded once. It never gives up on a lost server."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Entries of the settings; without a database they are read later."""
        try:
            super().setup_schedule()
        except (DatabaseError, InterfaceError) as error:
            log.warning("the database is away, the schedule is read when it is back: %s", error)
            connections.close_all()

    def install_default_entries(self, data: Any) -> None:
        """None: there is no result backend whose rows Celery would have to clean up."""

    def enabled_models_qs(self) -> QuerySet[PeriodicTask]:
        """Plain periodic tasks only: the copies of our schedules never fire."""
        return PeriodicTask.objects.enabled().exclude(task=MIRROR_TASK)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Claim what is due; the seconds until it is worth looking again."""
        if not self._threads:
            self._start_beside("sweep", self._sweep)
            self._start_beside("plain-tasks", self._plain_tasks)
        pulse.beat()
        return turn()

    def should_sync(self) -> bool:
        """The thread of the plain tasks writes their state back itself."""
        return False

    def close(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=5)
        # Not super().close(): Celery calls this from a signal handler, and writing to the database from there
        # hangs when the signal came in the middle of another statement.

    def _start_beside(self, name: str, turn: Callable[[], float]) -> None:
        thread = threading.Thread(target=self._repeat, args=(name, turn), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _repeat(self, name: str, turn: Callable[[], float]) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            try:
                pause = turn()
            except Exception:
                log.exception("%s failed; trying again", name)
                connections.close_all()
                pause = LONGEST_SLEEP
        connections.close_all()

    def _sweep(self) -> float:
        sweeper.sweep()
        return float(settings.NOMAFLOW_SWEEP_SECONDS)

    def _plain_tasks(self) -> float:
        """One turn of Celery's own schedule, in the one beat that holds the lock."""
        if not self._holds_lock():
            return float(self.max_interval)
        pause = super().tick()
        self._do_sync()  # at once: there may be no later
        return max(0.0, min(float(pause or 0), float(self.max_interval)))

    def _holds_lock(self) -> bool:
        """The session holds the lock: a beat that dies, fails or loses its connection lets go of it."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = %s"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND pid = pg_backend_pid() AND granted",
                [PLAIN_TASKS_LOCK],
            )
            if cursor.fetchone()[0]:
                return True
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [PLAIN_TASKS_LOCK])
            taken = bool(cursor.fetchone()[0])
        if taken:
            self._read_anew()
        return taken

    def _read_anew(self) -> None:
        """Forget what an earlier turn knew: another beat may have sent tasks since."""
        self.schedule_changed()
        self._initial_read, self._heap = True, None


def turn() -> float:
    """One turn of the claim loop: decide all that is due. Never raises; returns the seconds to sleep."""
    try:
        while claims.claim_due().jobs == claims.BATCH:
            pass
        wait = claims.seconds_until_due()
    except Exception as error:
        if isinstance(error, (DatabaseError, InterfaceError)):
            log.warning("the database is away, fires wait for it: %s", error)
        else:
            log.exception("a turn of the schedule failed; trying again")
        connections.close_all()
        return LONGEST_SLEEP
    return LONGEST_SLEEP if wait is None else min(max(wait, 0.0), LONGEST_SLEEP)
