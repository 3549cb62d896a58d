"""The housekeeper: rings again for runs nobody took, ends the runs of workers that are gone.

Called every few seconds by every beat and by one pool child of every worker, so that it goes on while either is
away; an advisory lock lets one of them work at a time.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import F

from runs_app import lifecycle, logs, queue
from runs_app.models import Run
from runs_app.states import RunState

log = logging.getLogger(__name__)

LOCK = 0x4E4F4D41  # any number no other part of the database uses
BATCH = 200
FIRST_PATIENCE_SECONDS = 3
LONGEST_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Swept:
    """What one round did."""

    rung: int = 0
    lost: int = 0


def sweep() -> Swept:
    """One round; nothing when another process is at it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return Swept()
        waiting = _overdue()
        lost = sum(_lose_or_leave(run) for run in _expired())
    rung = []
    for run in waiting:
        if not queue.ring_now(run.pk, pool=run.pool, priority=run.priority):
            break
        rung.append(run.pk)
    Run.objects.filter(pk__in=rung).update(rung_at=lifecycle.CLOCK, rings=F("rings") + 1)
    return Swept(len(rung), lost)


def start() -> None:
    """Sweep from a thread of this process, for as long as it lives."""
    threading.Thread(target=_keep_sweeping, name="sweeper", daemon=True).start()


def _keep_sweeping() -> None:
    while True:
        time.sleep(settings.NOMAFLOW_SWEEP_SECONDS)
        try:
            sweep()
        except (DatabaseError, InterfaceError) as error:
            log.warning("not swept: %s", error)
            connection.close()
        except Exception:
            log.exception("not swept")
            connection.close()


def _overdue() -> list[Run]:
    """QUEUED runs whose last ring was not answered: after 3 s, 6 s, 12 s … up to a minute apart.

    A ring that the broker did not take counts for nothing, so that they start at once when it is back.
    """
    patience = f"least({FIRST_PATIENCE_SECONDS} * power(2, least(rings, 10) - 1), {LONGEST_PATIENCE_SECONDS})"
    return list(
        Run.objects.filter(state=RunState.QUEUED)
        .extra(where=[f"rung_at < clock_timestamp() - make_interval(secs => {patience})"])  # noqa: S610
        .order_by("-priority", "id")[:BATCH]
    )


def _lose_or_leave(run: Run) -> bool:
    """What is wrong with one run stays its own trouble."""
    try:
        with transaction.atomic():
            return _lose(run)
    except DatabaseError:
        log.exception("run %s cannot be ended", run.run_id)
        return False


def _lose(run: Run) -> bool:
    lost = lifecycle.lose(run)
    if lost:
        logs.close(run, f"run {run.run_id} · FAILED · worker {run.worker} was lost")
    return lost


def _expired() -> list[Run]:
    return list(Run.objects.filter(state=RunState.RUNNING, lease_until__lt=lifecycle.CLOCK)[:BATCH])
