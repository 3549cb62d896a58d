"""Which calendar days a cron expression matches; no clock, no zone.

Days are counted from 1970-01-01 (day 0), weekdays from Sunday (0) as cron does.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

LAST = 0
"""`NthWeekday.nth` of the last such weekday of the month."""

_DAY_ZERO = date(1970, 1, 1)


class NthWeekday(NamedTuple):
    """The n-th Monday, Tuesday… of a month; ``nth`` is 1 to 5, or `LAST`."""

    weekday: int
    nth: int

    def matches(self, day: int, weekday: int, length: int) -> bool:
        """Whether this is the day, for a month of ``length`` days."""
        if weekday != self.weekday:
            return False
        return day + 7 > length if self.nth == LAST else (day + 6) // 7 == self.nth


@dataclass(frozen=True, slots=True)
class DayRule:
    """The day fields of an expression. ``either``: a day of the month or a weekday suffices."""

    months: tuple[int, ...]
    month_days: tuple[int, ...]
    last_day: bool
    weekdays: tuple[int, ...]
    nth_weekdays: tuple[NthWeekday, ...]
    either: bool

    def ever_matches(self) -> bool:
        """Whether any day matches, ever: a month can begin on every weekday, so 28 shapes decide it."""
        return any(
            _matching(self, first, length)
            for month in self.months
            for length in _lengths(month)
            for first in range(7)
        )

    def between(self, first: int, last: int) -> Iterator[int]:
        """The matching days ``first <= day <= last``, in order."""
        start = _DAY_ZERO + timedelta(days=first)
        year, month = start.year, start.month
        month_start = first - start.day + 1
        while month_start <= last:
            monday_first, length = calendar.monthrange(year, month)
            if month in self.months:
                for day in _matching(self, (monday_first + 1) % 7, length):
                    if first < month_start + day <= last + 1:
                        yield month_start + day - 1
            month_start += length
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)


@lru_cache(maxsize=8192)
def _matching(rule: DayRule, first_weekday: int, length: int) -> tuple[int, ...]:
    """The matching days of a month of this length that begins on this weekday."""
    return tuple(
        day for day in range(1, length + 1) if _matches(rule, day, (first_weekday + day - 1) % 7, length)
    )


def _matches(rule: DayRule, day: int, weekday: int, length: int) -> bool:
    in_month = day in rule.month_days or (rule.last_day and day == length)
    in_week = weekday in rule.weekdays or any(n.matches(day, weekday, length) for n in rule.nth_weekdays)
    return in_month or in_week if rule.either else in_month and in_week


def _lengths(month: int) -> tuple[int, ...]:
    return (28, 29) if month == 2 else (calendar.monthrange(2001, month)[1],)
