"""Properties over generated schedules, against two models that share no code with ours.

One walks every minute (or second) of a period and asks the zone what the clock shows; the other is croniter.
The generator makes an expression together with what it means, so the model needs no parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter  # type: ignore[import-untyped]
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs_app.cron import Cron, CronError, parse, zone_names
from jobs_app.zones import stretches
from tests.soak import times

SECOND, MINUTE, WEEK = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=7)
# Instants near which clocks change, by zone.
CHANGES = {
    "Europe/Paris": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "America/New_York": ["2026-03-08T07:00", "2026-11-01T06:00"],
    "Australia/Lord_Howe": ["2026-10-03T15:30", "2026-04-04T15:00"],
    "Africa/Casablanca": ["2026-02-15T02:00", "2026-03-22T02:00"],
    "Asia/Tehran": ["2022-03-21T20:30", "2022-09-21T19:30"],
    "America/Sao_Paulo": ["2018-11-04T03:00", "2018-02-18T02:00"],
    "Pacific/Apia": ["2011-12-30T10:00"],
    "Antarctica/Troll": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "UTC": ["2026-03-01T00:00"],
}


@dataclass(frozen=True)
class Field:
    text: str
    values: frozenset[int]

    @property
    def star(self) -> bool:
        return self.text.startswith("*")


def fields(low: int, high: int) -> st.SearchStrategy[Field]:
    """One field and the numbers it stands for: ``*``, ``*/n``, ``a``, ``a-b``, ``a-b/n``, and lists."""
    number = st.integers(low, high)
    step = st.integers(1, 7 if high == 7 else high - low + 1)
    ranges = st.tuples(number, number).map(sorted)
    items = st.one_of(
        number.map(lambda n: Field(str(n), frozenset([n]))),
        ranges.map(lambda r: Field(f"{r[0]}-{r[1]}", frozenset(range(r[0], r[1] + 1)))),
        st.tuples(ranges, step).map(
            lambda t: Field(f"{t[0][0]}-{t[0][1]}/{t[1]}", frozenset(range(t[0][0], t[0][1] + 1, t[1])))
        ),
    )
    return st.one_of(
        st.just(Field("*", frozenset(range(low, high + 1)))),
        step.map(lambda n: Field(f"*/{n}", frozenset(range(low, high + 1, n)))),
        st.lists(items, min_size=1, max_size=3).map(
            lambda parts: Field(
                ",".join(part.text for part in parts), frozenset().union(*(part.values for part in parts))
            )
        ),
    )


@dataclass(frozen=True)
class Model:
    """An expression and what it means, told without parsing it."""

    minute: Field
    hour: Field
    month_day: Field
    month: Field
    weekday: Field
    second: Field

    @property
    def expression(self) -> str:
        parts = (self.minute, self.hour, self.month_day, self.month, self.weekday, self.second)
        return " ".join(part.text for part in parts)

    def names(self, wall: datetime) -> bool:
        """Whether the wall-clock time is one the expression names."""
        weekdays = {day % 7 for day in self.weekday.values}
        in_month, in_week = wall.day in self.month_day.values, wall.isoweekday() % 7 in weekdays
        both = self.month_day.star or self.weekday.star
        return (
            wall.second in self.second.values
            and wall.minute in self.minute.values
            and wall.hour in self.hour.values
            and wall.month in self.month.values
            and (in_month and in_week if both else in_month or in_week)
        )

    def fires(self, zone: str, start: datetime, end: datetime, tick: timedelta) -> Iterator[datetime]:
        """Walk ``start < t <= end`` tick by tick; ``tick`` must divide every fire and clock change."""
        follows_real_time = self.minute.star or self.hour.star
        instant = start
        while (instant := instant + tick) <= end:
            wall = instant.astimezone(ZoneInfo(zone))
            before = (instant - tick).astimezone(ZoneInfo(zone))
            jump = wall.replace(tzinfo=None) - before.replace(tzinfo=None) - tick
            named = self.names(wall) and (follows_real_time or not wall.fold)
            if not follows_real_time and timedelta(0) < jump < timedelta(hours=3):
                lost = wall.replace(tzinfo=None) - jump
                while lost < wall.replace(tzinfo=None):
                    named = named or self.names(lost)
                    lost += tick
            if named:
                yield instant


ZERO = Field("0", frozenset([0]))
models = st.builds(
    Model,
    fields(0, 59),
    fields(0, 23),
    st.one_of(st.just(Field("*", frozenset(range(1, 32)))), fields(1, 31)),
    st.one_of(st.just(Field("*", frozenset(range(1, 13)))), fields(1, 12)),
    st.one_of(st.just(Field("*", frozenset(range(7)))), fields(0, 7)),
    st.just(ZERO),
)
nights = st.sampled_from([(zone, at) for zone, instants in CHANGES.items() for at in instants])


def accepted(model: Model, zone: str) -> Cron | None:
    """The schedule; None for one that never fires."""
    try:
        return parse(model.expression, zone)
    except CronError as error:
        if "never fires" not in str(error):
            raise
        return None


@settings(max_examples=times(60), deadline=None)
@given(model=models, night=nights, lead=st.integers(0, 7 * 24 * 60))
def test_a_week_agrees_with_walking_every_minute(model: Model, night: tuple[str, str], lead: int) -> None:
    zone, at = night
    start = datetime.fromisoformat(at).replace(tzinfo=UTC) - lead * MINUTE
    expected = list(model.fires(zone, start, start + WEEK, MINUTE))
    cron = accepted(model, zone)
    assert (list(cron.between(start, start + WEEK)) if cron else []) == expected


@settings(max_examples=times(25), deadline=None)
@given(model=models, second=fields(0, 59), night=nights, lead=st.integers(0, 4000))
def test_seconds_agree_with_walking_every_second(
    model: Model, second: Field, night: tuple[str, str], lead: int
) -> None:
    zone, at = night
    model = Model(model.minute, model.hour, model.month_day, model.month, model.weekday, second)
    start = datetime.fromisoformat(at).replace(tzinfo=UTC) - lead * SECOND
    end = start + timedelta(minutes=75)
    cron = accepted(model, zone)
    assert (list(cron.between(start, end)) if cron else []) == list(model.fires(zone, start, end, SECOND))


instants = st.datetimes(datetime(1971, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC))


@settings(max_examples=times(150), deadline=None)
@given(model=models, zone=st.sampled_from(zone_names()), start=instants)
@example(model=Model(ZERO, ZERO, ZERO, ZERO, ZERO, ZERO), zone="UTC", start=datetime(2026, 1, 1, tzinfo=UTC))
def test_next_between_upcoming_and_previous_tell_one_story(model: Model, zone: str, start: datetime) -> None:
    try:
        cron = parse(model.expression, zone)
    except CronError:
        return
    fires = cron.upcoming(start, 12)
    assert all(earlier < later for earlier, later in zip([start, *fires], fires, strict=False))
    assert all(fire.tzinfo is UTC and fire.microsecond == 0 for fire in fires)
    if fires:
        assert list(cron.between(start, fires[-1])) == fires
        assert list(cron.between(fires[0], fires[-1])) == fires[1:]
        assert cron.next(fires[0] - SECOND) == fires[0]
        assert [cron.previous(fire) for fire in fires[1:]] == fires[:-1]
        assert cron.previous(fires[0] + timedelta(microseconds=1)) == fires[0]


nth = st.one_of(
    st.tuples(st.integers(0, 6), st.integers(1, 5)).map(lambda t: f"{t[0]}#{t[1]}"),
    st.integers(0, 6).map(lambda day: f"L{day}"),
)


@settings(max_examples=times(100), deadline=None)
@given(
    model=models,
    special=st.one_of(st.none(), st.just("L"), st.just("1,15,L"), nth),
    start=instants.map(lambda instant: instant.replace(microsecond=0)),
)
def test_croniter_agrees_in_utc(model: Model, special: str | None, start: datetime) -> None:
    """Where no clock changes, croniter (told to treat a leading star as cron does) is right.

    But for `5-5`, which it reads as every value.
    """
    parts = model.expression.split()
    if special:
        parts[2], parts[4] = (special, "*") if special.endswith("L") else ("*", special)
    expression = re.sub(r"\b(\d+)-\1(/\d+)?\b", r"\1", " ".join(parts))
    try:
        fires = parse(expression).upcoming(start, 10)
    except CronError:
        return
    years = timedelta(days=9 * 366)
    theirs = croniter(expression, start, implement_cron_bug=True, max_years_between_matches=60)
    expected = [theirs.get_next(datetime) for fire in fires if fire - start < years]
    assert fires[: len(expected)] == expected


@settings(max_examples=times(100), deadline=None)
@given(zone=st.sampled_from(zone_names()), start=instants)
def test_stretches_know_every_zone(zone: str, start: datetime) -> None:
    first = int(start.timestamp())
    end = first + 400 * 86_400
    found = list(stretches(zone, first, end))
    assert found[0].start <= first
    assert found[-1].end >= end
    assert [s.end for s in found[:-1]] == [s.start for s in found[1:]]
    for stretch in found:
        for instant in (stretch.start, (stretch.start + stretch.end) // 2, stretch.end - 1):
            shown = datetime.fromtimestamp(instant, ZoneInfo(zone))
            assert shown.utcoffset() == timedelta(seconds=stretch.offset)


def test_naive_datetimes_are_refused() -> None:
    cron = parse("0 2 * * *")
    naive = datetime(2026, 1, 1)
    with pytest.raises(ValueError, match="aware"):
        cron.next(naive)
    with pytest.raises(ValueError, match="aware"):
        cron.previous(naive)
    with pytest.raises(ValueError, match="aware"):
        list(cron.between(naive, naive))


def test_the_ends_of_the_calendar_are_quiet() -> None:
    cron = parse("0 2 * * *", "Europe/Paris")
    assert cron.next(datetime.max.replace(tzinfo=UTC)) is None
    assert cron.previous(datetime.min.replace(tzinfo=UTC)) is None
    assert cron.next(datetime.min.replace(tzinfo=UTC)) is not None
    assert cron.previous(datetime.max.replace(tzinfo=UTC)) is not None
