"""Time zones as stretches of constant offset, so that wall-clock time inside one is plain arithmetic.

Everything is in whole seconds: instants since 1970-01-01 UTC, wall clocks likewise (instant + offset).
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

DAY = 86_400
_PROBE = 2 * DAY  # no zone changed its clocks twice within a week since 1960
_NOT_PLACES = {"Factory", "localtime", "posixrules"}


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """Every IANA zone name this machine knows, sorted."""
    return tuple(sorted(zoneinfo.available_timezones() - _NOT_PLACES))


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(zone_names())


def is_zone(name: str) -> bool:
    """Whether this is one of `zone_names`, spelled exactly."""
    return name in _known()


@dataclass(frozen=True, slots=True)
class Stretch:
    """The instants ``start <= t < end``, during which the zone keeps one offset from UTC.

    ``changed_at`` is the latest clock change at or before ``start``, ``before`` the offset that held until
    then; a stretch that follows no change within a day has ``before == offset``.
    """

    start: int
    end: int
    offset: int
    changed_at: int
    before: int

    @property
    def shift(self) -> int:
        """Seconds the clock was put forward at ``changed_at``; negative: back."""
        return self.offset - self.before

    @property
    def begins_with_change(self) -> bool:
        return self.shift != 0 and self.start == self.changed_at

    @property
    def wall_before(self) -> int:
        """What the clock would have shown at ``changed_at``, had it not been changed."""
        return self.changed_at + self.before

    @property
    def wall_after(self) -> int:
        """What the clock showed at ``changed_at``."""
        return self.changed_at + self.offset


def stretches(zone: str, start: int, end: int) -> Iterator[Stretch]:
    """The stretches that cover ``start <= t < end``, in order; the first and last may reach beyond."""
    for year in range(_year(start), _year(max(start, end - 1)) + 1):
        for stretch in _stretches_of_year(zone, year):
            if stretch.start < end and stretch.end > start:
                yield stretch


@lru_cache(maxsize=8192)
def _stretches_of_year(zone: str, year: int) -> tuple[Stretch, ...]:
    """The stretches of one UTC year. The scan starts a day early to know a change just before it."""
    begin, end = _new_year(year), _new_year(year + 1)
    changes = [(begin - DAY, offset_at(zone, begin - DAY)), *_changes(zone, begin - DAY, end)]
    found = []
    before = changes[0][1]
    for index, (at, offset) in enumerate(changes):
        until = changes[index + 1][0] if index + 1 < len(changes) else end
        if until > begin and at < end:
            found.append(Stretch(max(at, begin), until, offset, changed_at=at, before=before))
        before = offset
    return tuple(found)


def _changes(zone: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """The clock changes ``begin < t <= end``: the instant and the new offset."""
    offset = offset_at(zone, begin)
    for probe in range(begin, end, _PROBE):
        after = min(probe + _PROBE, end)
        if (new := offset_at(zone, after)) != offset:
            yield _first_with_other(zone, probe, after, offset), new
            offset = new


def _first_with_other(zone: str, low: int, high: int, offset: int) -> int:
    """The first instant in ``low < t <= high`` whose offset is not ``offset``, by bisection."""
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(zone, middle) == offset:
            low = middle
        else:
            high = middle
    return high


def offset_at(zone: str, instant: int) -> int:
    """Seconds the zone is ahead of UTC at an instant."""
    offset = datetime.fromtimestamp(instant, zoneinfo.ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _year(instant: int) -> int:
    return datetime.fromtimestamp(instant, UTC).year


def _new_year(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
