"""The one owner of time: when a schedule fires. No other module computes a fire.

The scheduler, the preview, the calendar, the API and the command line all ask here.

>>> from datetime import UTC, datetime
>>> nightly = parse("30 2 * * *", "Europe/Paris")
>>> [f"{fire:%d %H:%M}" for fire in nightly.upcoming(datetime(2026, 3, 27, 12, tzinfo=UTC), 3)]
['28 01:30', '29 01:00', '30 00:30']

On the 29th Paris skips from 02:00 to 03:00, so 02:30 does not exist; the job fires right after, at 03:00.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import islice
from typing import Literal

from jobs_app.cron_fields import CronError, Fields, read
from jobs_app.cron_words import describe, describe_change
from jobs_app.zones import DAY, Stretch, is_zone, stretches, zone_names

__all__ = ["ClockWarning", "Cron", "CronError", "clock_warnings", "describe", "parse", "zone_names"]

Gap = Literal["after", "skip"]
Overlap = Literal["first", "both"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
# Years 1 and 9999 are left out: their first and last local days overflow a datetime.
_EARLIEST = (datetime(2, 1, 1, tzinfo=UTC) - _EPOCH) // _SECOND
_LATEST = (datetime(9998, 1, 1, tzinfo=UTC) - _EPOCH) // _SECOND
# 29 February on a given weekday comes back after 40 years at most (across 2100), everything else sooner.
_HORIZON = 41 * 366 * DAY
_LOOK_BACK = (60, 3600, DAY, 32 * DAY, 366 * DAY, 9 * 366 * DAY, _HORIZON)
# Cron treats a larger change as a clock set anew, such as a day dropped at the date line. A gap of
# exactly three hours is one of those, an overlap of exactly three hours is not.
_LARGEST_SHIFT = 3 * 3600


@dataclass(frozen=True)
class ClockWarning:
    """What a coming clock change does to a schedule."""

    at: datetime
    """The instant of the change, UTC."""
    kind: Literal["gap", "overlap"]
    wall: str
    """The wall-clock times at issue: "02:30", "02:00, 02:30" or "02:00–02:55"."""
    fires_at: list[datetime]
    """The instants at which the job fires for those times, UTC; empty when it does not."""
    zone: str

    def text(self, language: str = "en") -> str:
        """One sentence: "29 March 2026: 02:30 does not exist, fires at 03:00"."""
        return describe_change(
            self.kind, at=self.at, zone=self.zone, wall=self.wall, fires_at=self.fires_at, language=language
        )


@dataclass(frozen=True)
class Cron:
    """A checked schedule; make one with `parse`. Instants are aware datetimes, answers are in UTC."""

    expression: str
    zone: str
    gap: Gap
    overlap: Overlap
    fields: Fields

    def next(self, after: datetime) -> datetime | None:
        """The first fire strictly after an instant; None when there is none in 41 years."""
        start = _floor(after) + 1
        return next((_moment(fire) for fire in self._fires(start, start + _HORIZON)), None)

    def previous(self, before: datetime) -> datetime | None:
        """The last fire strictly before an instant; None when there is none in 41 years."""
        end = _floor(before) + (before.microsecond > 0)
        for window in _LOOK_BACK:
            if last := deque(self._fires(end - window, end), maxlen=1):
                return _moment(last[0])
        return None

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The fires ``start < t <= end``, in order."""
        return map(_moment, self._fires(_floor(start) + 1, _floor(end) + 1))

    def upcoming(self, after: datetime, count: int) -> list[datetime]:
        """The next ``count`` fires strictly after an instant; fewer when `next` finds no more."""
        fires: list[datetime] = []
        while len(fires) < count and (fire := self.next(fires[-1] if fires else after)):
            fires.append(fire)
        return fires

    def walls(self, first: int, end: int) -> Iterator[int]:
        """The wall-clock times ``first <= w < end`` the expression names, existing or not."""
        for day in self.fields.days.between(first // DAY, (end - 1) // DAY):
            midnight = day * DAY
            skipped = bisect_left(self.minutes_of_day, (first - midnight) // 60)
            for minute in islice(self.minutes_of_day, skipped, None):
                for second in self.fields.seconds:
                    wall = midnight + minute * 60 + second
                    if wall >= end:
                        return
                    if wall >= first:
                        yield wall

    def fires_around(self, change: Stretch) -> list[int]:
        """The fires owed to wall-clock times the change at the start of this stretch skips or repeats."""
        if change.shift > 0:
            return [change.start] if self._catches_up(change) else []
        return list(self._fires(change.start + change.shift, change.start - change.shift))

    @cached_property
    def minutes_of_day(self) -> tuple[int, ...]:
        """The minutes after midnight the expression names, 0 to 1439, sorted."""
        return _minutes_of_day(self.fields.hours, self.fields.minutes)

    def _fires(self, start: int, end: int) -> Iterator[int]:
        """The fires ``start <= t < end``, in order."""
        start, end = max(start, _EARLIEST), min(end, _LATEST)
        if start < end:
            for stretch in stretches(self.zone, start, end):
                yield from self._fires_in(stretch, max(start, stretch.start), min(end, stretch.end))

    def _fires_in(self, stretch: Stretch, first: int, end: int) -> Iterator[int]:
        if first == stretch.start and self._catches_up(stretch):
            yield first
            first += 1
        wall = first + stretch.offset
        if self.overlap == "first" and -_LARGEST_SHIFT <= stretch.shift < 0:
            wall = max(wall, stretch.wall_before)  # the repeated times fired on their first pass
        for fire in self.walls(wall, end + stretch.offset):
            yield fire - stretch.offset

    def _catches_up(self, stretch: Stretch) -> bool:
        """Whether the stretch begins after a gap that swallowed a fire the policy makes up for."""
        if self.gap == "skip" or not stretch.begins_with_change or not 0 < stretch.shift < _LARGEST_SHIFT:
            return False
        return any(True for _ in self.walls(stretch.wall_before, stretch.wall_after))


def parse(
    expression: str,
    zone: str = "UTC",
    *,
    gap: Gap | None = None,
    overlap: Overlap | None = None,
) -> Cron:
    """Check an expression and its zone; raises `CronError` naming the field at fault.

    ``gap`` says what happens to wall-clock times a clock change skips: ``"after"`` fires once, right after
    the gap, ``"skip"`` does not. ``overlap``: times that come twice fire on the ``"first"`` pass or on
    ``"both"``. None is what cron does: a job whose minute or hour field starts with ``*`` follows real time
    (skip, both), any other fires once (after, first). Answers are cached.
    """
    return _parse(expression, zone, gap, overlap)


@lru_cache(maxsize=4096)
def _parse(expression: str, zone: str, gap: Gap | None, overlap: Overlap | None) -> Cron:
    fields = read(expression)
    if not is_zone(zone):
        raise CronError(
            f"The zone {zone!r} is not known; write an IANA name such as Europe/Paris.", field="zone"
        )
    if gap not in (None, "after", "skip"):
        raise ValueError(f"gap is 'after' or 'skip', not {gap!r}")
    if overlap not in (None, "first", "both"):
        raise ValueError(f"overlap is 'first' or 'both', not {overlap!r}")
    return Cron(
        expression=" ".join(expression.split()),
        zone=zone,
        gap=gap or ("skip" if fields.wildcard else "after"),
        overlap=overlap or ("both" if fields.wildcard else "first"),
        fields=fields,
    )


def clock_warnings(cron: Cron, after: datetime) -> list[ClockWarning]:
    """Those of the zone's next two clock changes (within two years) that touch the schedule."""
    start = _floor(after) + 1
    changes = (
        stretch
        for stretch in stretches(cron.zone, start, start + 2 * 366 * DAY)
        if stretch.begins_with_change and stretch.start >= start
    )
    return [warning for change in islice(changes, 2) if (warning := _warning(cron, change))]


def _warning(cron: Cron, change: Stretch) -> ClockWarning | None:
    walls = list(cron.walls(*sorted((change.wall_before, change.wall_after))))
    if not walls or _keeps_pace(cron, change.shift):
        return None
    return ClockWarning(
        at=_moment(change.start),
        kind="gap" if change.shift > 0 else "overlap",
        wall=_clock_text(walls),
        fires_at=[_moment(fire) for fire in cron.fires_around(change)],
        zone=cron.zone,
    )


def _keeps_pace(cron: Cron, shift: int) -> bool:
    """Whether the job just goes on in real time: "every 15 minutes" does not notice a lost hour."""
    follows = cron.gap == "skip" if shift > 0 else cron.overlap == "both"
    shifted = {(minute + shift // 60) % 1440 for minute in cron.minutes_of_day}
    return follows and shift % 60 == 0 and shifted == set(cron.minutes_of_day)


def _clock_text(walls: list[int]) -> str:
    times = [f"{_moment(wall):%H:%M:%S}".removesuffix(":00") for wall in walls]
    return ", ".join(times) if len(times) <= 3 else f"{times[0]}–{times[-1]}"


@lru_cache(maxsize=1024)
def _minutes_of_day(hours: tuple[int, ...], minutes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(hour * 60 + minute for hour in hours for minute in minutes)


def _floor(instant: datetime) -> int:
    """The whole second an aware datetime lies in; raises ValueError for a naive one."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no zone; pass an aware datetime")
    return (instant - _EPOCH) // _SECOND


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)
