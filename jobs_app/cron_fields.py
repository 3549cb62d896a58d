"""Cron expressions as text: read one, refuse a wrong one with the field named.

The grammar is cron's, strict: what another program would quietly read as
something else (``5-1``, ``15W``, ``L-3``, ``*/90``) is an error here.

>>> read("*/15 9-17 * * mon-fri").hours
(9, 10, 11, 12, 13, 14, 15, 16, 17)
>>> read("0 25 * * *")
Traceback (most recent call last):
jobs_app.cron_fields.CronError: The hour field takes 0 to 23, not 25.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from jobs_app.cron_days import LAST, DayRule, NthWeekday

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
LONGEST = 1000  # characters; every honest expression is far shorter

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

_ITEM = re.compile(
    r"(?: (?P<star>\*) | (?P<first>[a-z]+|[0-9]{1,4}) (?: - (?P<last>[a-z]+|[0-9]{1,4}))? )"
    r"(?: / (?P<step>[0-9]{1,4}))?",
    re.VERBOSE,
)
_NTH = re.compile(r"(?P<weekday>[a-z]+|[0-9]{1,4})\#(?P<nth>[0-9]{1,4})")


class CronError(ValueError):
    """A schedule that cannot be accepted; the message is one sentence for the person who wrote it.

    ``field`` is ``minute``, ``hour``, ``day_of_month``, ``month``, ``day_of_week``, ``second``,
    ``zone``, or ``expression`` when no single field is at fault.
    """

    def __init__(self, message: str, *, field: str = "expression") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Fields:
    """What an expression allows: sorted times of day, and the days they fall on."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    days: DayRule
    wildcard: bool
    """The minute or hour field starts with ``*``: cron lets such a job follow real time."""


@dataclass(frozen=True, slots=True)
class _Column:
    """One field: its name, the numbers it takes, and words that stand for numbers."""

    name: str
    low: int
    high: int
    words: dict[str, int] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return self.name.replace("_", " ")

    def error(self, what: str) -> CronError:
        return CronError(f"The {self.label} field {what}.", field=self.name)

    def number(self, text: str) -> int:
        """The value of a number or name; raises `CronError` when the field does not take it."""
        if text in self.words:
            return self.words[text]
        if not text.isdigit():
            raise self.error(f"does not know {text.upper()!r}")
        if not self.low <= int(text) <= self.high:
            raise self.error(f"takes {self.low} to {self.high}, not {text}")
        return int(text)

    def values(self, item: str) -> range:
        """The values of one item of the comma list: ``*``, ``5``, ``1-5``, each maybe with ``/step``."""
        match = _ITEM.fullmatch(item)
        if not match:
            raise self.error(f"has {item!r}, which is not a number, a name, a range, or a step")
        low, high = self._bounds(match, item)
        return range(low, high + 1, self._step(match["step"]))

    def _bounds(self, match: re.Match[str], item: str) -> tuple[int, int]:
        if match["star"]:
            return self.low, self.high
        low = self.number(match["first"])
        if match["last"] is None:  # "5/10" runs from 5 to the end, a plain "5" is itself
            return low, self.high if match["step"] else low
        # Sunday ends the week in "sat-sun", as in "6-7".
        high = 7 if match["last"] == "sun" and low else self.number(match["last"])
        if high < low:
            raise self.error(f"has the range {item!r}, which runs backwards; write it as two ranges")
        return low, high

    def _step(self, text: str | None) -> int:
        step = 1 if text is None else int(text)
        most = 7 if self is DAY_OF_WEEK else self.high - self.low + 1
        if not 1 <= step <= most:
            raise self.error(f"takes a step of 1 to {most}, not {text}")
        return step


MINUTE = _Column("minute", 0, 59)
HOUR = _Column("hour", 0, 23)
DAY_OF_MONTH = _Column("day_of_month", 1, 31)
MONTH = _Column("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)})
DAY_OF_WEEK = _Column("day_of_week", 0, 7, {name: number for number, name in enumerate(_WEEKDAYS)})
SECOND = _Column("second", 0, 59)


class _Texts(NamedTuple):
    """The fields of an expression as written, seconds last."""

    minute: str
    hour: str
    day_of_month: str
    month: str
    day_of_week: str
    second: str = "0"


def read(expression: str) -> Fields:
    """Read an expression of 5 fields, 6 with seconds last, or one of `ALIASES`.

    Raises `CronError` naming the field, also when no day on the calendar can match.
    """
    texts = _split(expression)
    fields = Fields(
        hours=_numbers(HOUR, texts.hour),
        minutes=_numbers(MINUTE, texts.minute),
        seconds=_numbers(SECOND, texts.second),
        days=_days(texts),
        wildcard=texts.minute.startswith("*") or texts.hour.startswith("*"),
    )
    if not fields.days.ever_matches():
        raise CronError(f"The expression {expression.strip()!r} never fires: no such day exists.")
    return fields


def _split(expression: str) -> _Texts:
    if len(expression) > LONGEST:
        raise CronError(f"The expression is longer than {LONGEST} characters.")
    text = expression.strip().lower()
    if not text:
        raise CronError("The expression is empty.")
    if text.startswith("@") and text not in ALIASES:
        raise CronError(f"The expression {text!r} is not one of {', '.join(ALIASES)}.")
    parts = ALIASES.get(text, text).split()
    if len(parts) not in (5, 6):
        raise CronError(f"The expression has {len(parts)} fields; write 5, or 6 with seconds last.")
    return _Texts(*parts)


def _numbers(column: _Column, text: str) -> tuple[int, ...]:
    return tuple(sorted({number for item in text.split(",") for number in column.values(item)}))


def _days(texts: _Texts) -> DayRule:
    """The day rule: either day field suffices when both are restricted (no leading ``*``), as in cron."""
    month_days = texts.day_of_month.split(",")
    weekdays = texts.day_of_week.split(",")
    return DayRule(
        months=_numbers(MONTH, texts.month),
        month_days=tuple(sorted({day for i in month_days if i != "l" for day in DAY_OF_MONTH.values(i)})),
        last_day="l" in month_days,
        weekdays=tuple(sorted({n % 7 for i in weekdays if not _is_nth(i) for n in DAY_OF_WEEK.values(i)})),
        nth_weekdays=tuple(sorted(set(_nth_weekdays(weekdays)))),
        either=not texts.day_of_month.startswith("*") and not texts.day_of_week.startswith("*"),
    )


def _is_nth(item: str) -> bool:
    return "#" in item or item.startswith("l")


def _nth_weekdays(items: list[str]) -> Iterator[NthWeekday]:
    """``fri#2`` is the second Friday of the month, ``L5`` or ``Lfri`` its last."""
    for item in filter(_is_nth, items):
        if item.startswith("l"):
            yield NthWeekday(_weekday(item[1:]), LAST)
            continue
        match = _NTH.fullmatch(item)
        if not match or not 1 <= int(match["nth"]) <= 5:
            raise DAY_OF_WEEK.error(f"has {item!r}; write a weekday, '#', and 1 to 5, such as 'fri#2'")
        yield NthWeekday(_weekday(match["weekday"]), int(match["nth"]))


def _weekday(text: str) -> int:
    if not text:
        raise DAY_OF_WEEK.error("has 'L' without a weekday; write 'L5' for the last Friday of the month")
    return DAY_OF_WEEK.number(text) % 7
