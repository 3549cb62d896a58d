"""A cron expression as a sentence, in English or French, without its zone.

Sentences are made from what the expression allows, not from how it was typed: two expressions share a
sentence only when they fire at the same times. What has no short form is told field by field.

>>> describe("0 2 * * *")
'At 02:00 every day'
>>> describe("*/15 9-17 * * mon-fri", "fr")
'Toutes les 15 minutes de 09:00 à 17:45 du lundi au vendredi'
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from jobs_app.cron_days import DayRule, NthWeekday
from jobs_app.cron_fields import Fields, read
from jobs_app.cron_languages import Words, runs, words_of

_FEW = 4  # times of day that are simply listed
_ALL_DAYS = tuple(range(1, 32))
_ALL_WEEKDAYS = tuple(range(7))


def describe(expression: str, language: str = "en") -> str:
    """The expression in words; English where the language is neither ``en`` nor ``fr``.

    Raises `jobs_app.cron_fields.CronError` for an expression that is wrong.
    """
    fields, words = read(expression), words_of(language)
    parts = [_time(fields, words), _days(fields, words), _months(fields.days.months, words)]
    return " ".join(part for part in parts if part)


def describe_change(
    kind: str, *, at: datetime, zone: str, wall: str, fires_at: Sequence[datetime], language: str = "en"
) -> str:
    """What a clock change does to a schedule: "29 March 2026: 02:30 does not exist, fires at 03:00"."""
    words = words_of(language)
    local = at.astimezone(ZoneInfo(zone))
    day = words.date.format(local.day, words.months[local.month - 1], local.year)
    if kind == "gap":
        result = words.fires_at.format(f"{local:%H:%M}") if fires_at else words.fires_not
        return words.gap.format(day, wall, result)
    twice = any(fire >= at for fire in fires_at)
    return words.overlap.format(day, wall, words.fires_both if twice else words.fires_first)


def _time(fields: Fields, words: Words) -> str:
    return _listed_times(fields, words) or _regular_times(fields, words) or _plain_times(fields, words)


def _listed_times(fields: Fields, words: Words) -> str | None:
    if len(fields.hours) * len(fields.minutes) * len(fields.seconds) > _FEW:
        return None
    ending = "" if fields.seconds == (0,) else ":{:02}"
    clock = [
        f"{hour:02}:{minute:02}{ending.format(second)}"
        for hour in fields.hours
        for minute in fields.minutes
        for second in fields.seconds
    ]
    return words.at.format(words.listed(clock))


def _regular_times(fields: Fields, words: Words) -> str | None:
    """One cadence: "every 10 seconds", "every 15 minutes from 09:00 to 17:45", "every 2 hours"."""
    hours, minutes = fields.hours, fields.minutes
    if fields.seconds != (0,):
        whole_day = len(hours) == 24 and len(minutes) == 60
        return words.second.cadence(fields.seconds, 60) if whole_day and len(fields.seconds) > 1 else None
    cadence = words.hour.each if minutes == (0,) else words.minute.cadence(minutes, 60)
    if cadence is None or len(hours) == 24:
        return cadence
    if len(list(runs(hours))) == 1:
        return words.window.format(cadence, f"{hours[0]:02}:00", f"{hours[-1]:02}:{minutes[-1]:02}")
    return words.hour.cadence(hours, 24) if minutes == (0,) else None


def _plain_times(fields: Fields, words: Words) -> str:
    hours = words.hour.tail(fields.hours, 24, words)
    if fields.seconds == (0,):
        return f"{words.minute.head(fields.minutes, 60, words)} {hours}"
    minutes = words.minute.tail(fields.minutes, 60, words)
    return f"{words.second.head(fields.seconds, 60, words)} {minutes} {hours}"


def _days(fields: Fields, words: Words) -> str:
    rule = fields.days
    every_month_day, every_weekday = rule.month_days == _ALL_DAYS, rule.weekdays == _ALL_WEEKDAYS
    if (every_month_day and every_weekday) or (rule.either and (every_month_day or every_weekday)):
        return "" if len(fields.hours) == 24 else words.every_day
    if every_month_day:
        return _weekdays(rule, words)
    if every_weekday:
        return _month_days(rule, words)
    form = words.either if rule.either else words.both
    return form.format(_month_days(rule, words), _weekdays(rule, words))


def _month_days(rule: DayRule, words: Words) -> str:
    parts = []
    if rule.month_days:
        form = words.month_day if len(rule.month_days) == 1 else words.month_days
        parts.append(form.format(words.numbers(rule.month_days)))
    if rule.last_day:
        parts.append(words.last_day)
    return words.of_month.format(words.listed(parts))


def _weekdays(rule: DayRule, words: Words) -> str:
    """Weekdays from Monday to Sunday, then the likes of "on the second Friday of the month"."""
    days = sorted((day - 1) % 7 for day in rule.weekdays)
    names = [words.weekdays[(day + 1) % 7] for day in days]
    if len(days) > 2 and len(list(runs(days))) == 1:
        parts = [words.weekday_run.format(names[0], names[-1])]
    else:
        parts = [words.weekday.format(name) for name in names]
    return words.listed(parts + [_nth_weekday(nth, words) for nth in rule.nth_weekdays])


def _nth_weekday(nth: NthWeekday, words: Words) -> str:
    return words.nth_weekday.format(words.ordinals[nth.nth], words.weekdays[nth.weekday])


def _months(months: Sequence[int], words: Words) -> str:
    names = [words.months[month - 1] for month in months]
    if len(months) == 12:
        return ""
    if len(months) > 2 and len(list(runs(months))) == 1:
        return words.month_run.format(names[0], names[-1])
    return words.in_month.format(words.listed(names))
