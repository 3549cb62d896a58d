"""The days `${date:…}` can name, counted from a run's `as_of` in the job's zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


def _month(day: date, shift: int) -> date:
    """The first day of the month `shift` months away.

    >>> _month(date(2026, 1, 31), -1)
    datetime.date(2025, 12, 1)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + shift, 12)
    return date(year, month + 1, 1)


def _days(count: int) -> Callable[[date], str]:
    return lambda day: (day + timedelta(days=count)).isoformat()


def _weekday(index: int) -> Callable[[date], str]:
    return lambda day: (day + timedelta(days=index - day.weekday())).isoformat()


def _month_name(shift: int) -> Callable[[date], str]:
    return lambda day: f"{_month(day, shift):%Y-%m}"


def _month_first(shift: int) -> Callable[[date], str]:
    return lambda day: _month(day, shift).isoformat()


def _month_last(shift: int) -> Callable[[date], str]:
    return lambda day: (_month(day, shift + 1) - timedelta(days=1)).isoformat()


NAMES: dict[str, Callable[[date], str]] = {
    "today": _days(0),
    "yesterday": _days(-1),
    "tomorrow": _days(1),
    "week.first": _weekday(0),
    "week.last": _weekday(6),
    "month": _month_name(0),
    "month.first": _month_first(0),
    "month.last": _month_last(0),
    "month.previous": _month_name(-1),
    "month.previous.first": _month_first(-1),
    "month.previous.last": _month_last(-1),
    "month.next": _month_name(1),
    "year": lambda day: f"{day.year:04}",
    "year.first": lambda day: f"{day.year:04}-01-01",
    "year.last": lambda day: f"{day.year:04}-12-31",
    "year.previous": lambda day: f"{day.year - 1:04}",
}
"""Months read `2026-11`, years `2026`, everything else is a day such as `2026-11-22`."""


def resolve(name: str, as_of: datetime, zone: str) -> str:
    """The text `${date:<name>}` stands for; `KeyError` when there is no such name.

    >>> from datetime import UTC
    >>> resolve("month.previous", datetime(2026, 11, 22, tzinfo=UTC), "Europe/Paris")
    '2026-10'
    >>> resolve("today", datetime(2026, 11, 22, 23, 30, tzinfo=UTC), "Europe/Paris")
    '2026-11-23'
    """
    return NAMES[name](as_of.astimezone(ZoneInfo(zone)).date())
