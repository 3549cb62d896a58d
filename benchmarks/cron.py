"""How fast fires are computed, beside croniter on the same schedules.

Run from the repository's root: ``python -m benchmarks.cron``.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle, islice
from time import perf_counter
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from croniter import croniter

from jobs_app import cron

T = TypeVar("T")

START = datetime(2026, 3, 15, tzinfo=UTC)
MONTH = timedelta(days=30)
ZONES = ("Europe/Paris", "America/New_York", "UTC", "Australia/Lord_Howe")
# 26 jobs; a thousand of them fire about 260,000 times in 30 days.
MIX = (
    *("*/9 * * * *", "5 * * * *", "*/30 8-18 * * mon-fri", "0 0 1 * *"),
    *(f"{minute} {minute % 24} * * *" for minute in range(0, 60, 5)),
    *(f"{minute} 6 * * 1-5" for minute in range(0, 50, 5)),
)


def measure() -> list[dict[str, Any]]:
    """The figures: ``limit`` is the promise, ``ratio`` how many times croniter's speed we reach."""
    calendar, fires = _timed(lambda: _calendar(jobs=1000))
    expressions = ("0 2 * * *", "*/15 9-17 * * mon-fri", "* * * * *", "0 0 1 * *", "0 0 29 2 *")
    rows = [
        _row("calendar of 30 days x 1,000 jobs", calendar, "s", limit=2.0),
        _row("fires in that calendar", fires, "fires"),
        _row("calendar, fires per second", fires / calendar, "fires/s"),
    ]
    for expression in expressions:
        ours = _rate(partial(_ours, expression, 300))
        theirs = _rate(partial(_croniter, expression, 300))
        rows.append(_row(f"next(), {expression}", ours, "fires/s", ratio=ours / theirs))
        rows.append(_row(f"croniter, {expression}", theirs, "fires/s"))
    refusal, _ = _timed(_refuse)
    rows.append(_row("refusing 0 0 31 2 *", refusal, "s", limit=0.05))
    return rows


def _row(
    name: str, value: float, unit: str, *, limit: float | None = None, ratio: float | None = None
) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "limit": limit, "ratio": ratio}


def _calendar(*, jobs: int) -> int:
    """All fires of a month for so many jobs."""
    pairs = islice(zip(cycle(MIX), cycle(ZONES), strict=False), jobs)
    return sum(
        1 for expression, zone in pairs for _ in cron.parse(expression, zone).between(START, START + MONTH)
    )


def _ours(expression: str, count: int) -> int:
    return len(cron.parse(expression, ZONES[0]).upcoming(START, count))


def _croniter(expression: str, count: int) -> int:
    fires = croniter(expression, START.astimezone(ZoneInfo(ZONES[0])))
    return len([fires.get_next(datetime) for _ in range(count)])


def _refuse() -> None:
    try:
        cron.parse("0 0 31 2 *")
    except cron.CronError:
        return
    raise AssertionError("0 0 31 2 * was accepted")


def _rate(work: Callable[[], int]) -> float:
    """Fires per second, the better of two goes."""
    return max(count / seconds for seconds, count in (_timed(work), _timed(work)))


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    gc.collect()
    begun = perf_counter()
    result = work()
    return perf_counter() - begun, result


if __name__ == "__main__":
    for row in measure():
        limit = f"  limit {row['limit']:g}" if row["limit"] else ""
        ratio = f"  {row['ratio']:.1f} x croniter" if row["ratio"] else ""
        print(f"{row['name']:40} {row['value']:>14,.3f} {row['unit']}{limit}{ratio}")
