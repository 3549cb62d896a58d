"""What becomes of the instants at which a job should have fired. Pure: no clock, no database.

>>> from datetime import UTC, datetime, timedelta
>>> from jobs_app.cron import parse
>>> nine = datetime(2026, 11, 22, 9, tzinfo=UTC)
>>> made = decide(parse("*/20 * * * *"), cursor=nine, now=nine + timedelta(minutes=45), policy=Policy())
>>> [f"{fire:%H:%M}" for fire in made.run], [f"{fire:%H:%M}" for fire, reason in made.skipped]
(['09:40'], ['09:20'])
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs_app.cron import Cron

MOST_ROWS = 1000
"""Missed instants of one job that get a row of their own; older ones are counted."""
ON_TIME = timedelta(seconds=30)
"""A fire decided this soon after its instant was not missed."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What a job wants done with fires that were missed."""

    misfire: str = "once"
    """`once`: the newest runs. `all`: each runs, in order. `skip`: none runs."""
    max_lateness: timedelta = timedelta(hours=1)
    """With `once`, an even later newest fire does not run either."""
    one_at_a_time: bool = False
    """The job is single-instance: with `all`, each fire waits until the previous run is final."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Every instant up to `cursor` is covered by `run`, `skipped` or the count of `uncounted` ones."""

    run: tuple[datetime, ...] = ()
    skipped: tuple[tuple[datetime, str], ...] = ()
    """Instants that do not run, each with its sentence."""
    unrecorded: int = 0
    """How many instants before all these are too old for a row of their own."""
    cursor: datetime
    next_fire: datetime | None
    """The next instant to look at; in the past when the job has more to catch up on."""


def decide(cron: Cron, *, cursor: datetime, now: datetime, policy: Policy, busy: bool = False) -> Decision:
    """Settle the fires `cursor < t <= now`. `busy`: a run of the job is active."""
    due: deque[datetime] = deque(maxlen=MOST_ROWS)
    count = 0
    for fire in cron.between(cursor, now):
        due.append(fire)
        count += 1
    unrecorded = count - len(due)
    if policy.misfire == "all" and policy.one_at_a_time and due:
        return _one_by_one(cron, due, unrecorded, cursor=cursor, now=now, busy=busy)
    run, skipped = _sort(tuple(due), now=now, policy=policy)
    decided = max(cursor, now)
    return Decision(
        run=run, skipped=skipped, unrecorded=unrecorded, cursor=decided, next_fire=cron.next(decided)
    )


def _sort(
    due: Sequence[datetime], *, now: datetime, policy: Policy
) -> tuple[tuple[datetime, ...], tuple[tuple[datetime, str], ...]]:
    """Which fires run, and which do not with the reason."""
    if policy.misfire == "all":
        run = set(due)
    elif policy.misfire == "skip":
        run = {fire for fire in due if now - fire <= ON_TIME}
    else:
        run = {fire for fire in due[-1:] if now - fire <= max(policy.max_lateness, ON_TIME)}
    skipped = tuple((fire, _reason(fire, due, now=now, policy=policy)) for fire in due if fire not in run)
    return tuple(fire for fire in due if fire in run), skipped


def _reason(fire: datetime, due: Sequence[datetime], *, now: datetime, policy: Policy) -> str:
    late = int((now - fire).total_seconds())
    if policy.misfire == "once" and fire != due[-1]:
        return f"missed: found {late} s late, only the newest missed fire runs"
    if policy.misfire == "once":
        return (
            f"missed: found {late} s late, at most {int(policy.max_lateness.total_seconds())} s are allowed"
        )
    return f"missed: found {late} s late, missed fires of this job do not run"


def _one_by_one(
    cron: Cron, due: deque[datetime], unrecorded: int, *, cursor: datetime, now: datetime, busy: bool
) -> Decision:
    """The oldest fire alone, once nothing of the job is active; the rest stays due."""
    if busy:
        return Decision(cursor=cursor, next_fire=now + timedelta(seconds=1))
    return Decision(run=(due[0],), unrecorded=unrecorded, cursor=due[0], next_fire=cron.next(due[0]))
