"""Geometry of the small charts. Pages forbid inline styles, so everything becomes SVG attributes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from nomaflow.looks import look


class SparkRun(Protocol):
    """What the sparkline reads of a run; `duration_ms` is None while it runs or when it never started."""

    state: Any
    duration_ms: int | None
    url: str


class Attempt(Protocol):
    """What the chart reads of one try of a step."""

    state: Any
    started_at: datetime
    finished_at: datetime | None


SLOTS = 20
SPARK_WIDTH, SPARK_HEIGHT = 160, 24
PITCH = SPARK_WIDTH / SLOTS


@dataclass(frozen=True)
class Bar:
    """One run: user units in a box of 160 x 24; `notched` marks a failure for those who see no colour."""

    x: float
    y: float
    height: float
    tone: str
    notched: bool
    run: SparkRun


def spark_bars(runs: Sequence[SparkRun]) -> list[Bar]:
    """Bars for the last 20 runs, oldest first, the newest at the right edge.

    The median run stands at half the height; each doubling of the duration adds a quarter, each halving
    takes one, so that a creeping slowdown shows whatever the job's length.
    """
    shown = list(runs)[-SLOTS:]
    known = [run.duration_ms for run in shown if run.duration_ms]
    usual = statistics.median(known) if known else 1
    first = SLOTS - len(shown)
    bars = []
    for slot, run in enumerate(shown, start=first):
        share = 0.5 + 0.25 * math.log2(run.duration_ms / usual) if run.duration_ms else 0
        height = round(max(0.2, min(1, share)) * SPARK_HEIGHT, 1)
        seen = look(run.state)
        bars.append(
            Bar(
                slot * PITCH,
                SPARK_HEIGHT - height,
                height,
                seen.tone,
                seen.icon in ("failed", "partial"),
                run,
            )
        )
    return bars


def absent_slots(runs: Sequence[SparkRun]) -> list[float]:
    """Centres of the slots without a run: that there is none is told, too."""
    return [slot * PITCH + 3 for slot in range(max(0, SLOTS - len(runs)))]


@dataclass(frozen=True)
class Segment:
    """Part of a step's row on the time axis, in percent of its width."""

    x: float
    width: float
    tone: str
    waiting: bool


def gantt_segments(
    attempts: Iterable[Attempt], *, start: datetime, end: datetime, waiting: bool = False
) -> list[Segment]:
    """The attempts of one step between `start` and `end`, the waits between them as segments of their own.

    `waiting`: the last attempt is over and the step waits for another.
    """
    span = max((end - start).total_seconds(), 0.001)

    def percent(moment: datetime) -> float:
        return min(100.0, max(0.0, (moment - start).total_seconds() / span * 100))

    segments: list[Segment] = []
    previous: float | None = None
    for attempt in attempts:
        x, to = percent(attempt.started_at), percent(attempt.finished_at or end)
        if previous is not None and x > previous:
            segments.append(Segment(round(previous, 2), round(x - previous, 2), "warning", waiting=True))
        width = max(to - x, 0.5)
        tone = look(attempt.state).tone
        segments.append(Segment(round(min(x, 99.5), 2), round(width, 2), tone, waiting=False))
        previous = to
    if waiting and previous is not None and previous < 100:
        segments.append(Segment(round(previous, 2), round(100 - previous, 2), "warning", waiting=True))
    return segments
