"""The nights the clocks change, fire by fire, worked out by hand from cron's rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from jobs_app.cron import ClockWarning, Gap, Overlap, clock_warnings, parse

# (zone, from, to) in UTC, expression, fires in UTC. In words: what the clocks do in the window.
PARIS_GAP = ("Europe/Paris", "2026-03-29T00:00", "2026-03-29T02:00")  # 02:00 -> 03:00 at 01:00Z
PARIS_OVERLAP = ("Europe/Paris", "2026-10-24T23:59", "2026-10-25T02:00")  # 03:00 -> 02:00 at 01:00Z
NEW_YORK_GAP = ("America/New_York", "2026-03-08T06:00", "2026-03-08T08:00")  # 02:00 -> 03:00 at 07:00Z
NEW_YORK_OVERLAP = ("America/New_York", "2026-11-01T04:59", "2026-11-01T07:00")  # 02:00 -> 01:00 at 06:00Z
LORD_HOWE_GAP = ("Australia/Lord_Howe", "2026-10-03T15:00", "2026-10-03T16:30")  # 02:00 -> 02:30 at 15:30Z
LORD_HOWE_OVERLAP = ("Australia/Lord_Howe", "2026-04-04T14:00", "2026-04-04T16:00")  # 02:00 -> 01:30 at 15Z
CASABLANCA_OVERLAP = ("Africa/Casablanca", "2026-02-15T00:59", "2026-02-15T03:00")  # 03:00 -> 02:00 at 02Z
CASABLANCA_GAP = ("Africa/Casablanca", "2026-03-22T01:00", "2026-03-22T03:00")  # 02:00 -> 03:00 at 02:00Z
TEHRAN_GAP = ("Asia/Tehran", "2022-03-21T19:30", "2022-03-21T21:30")  # 00:00 -> 01:00 at 20:30Z
TEHRAN_OVERLAP = ("Asia/Tehran", "2022-09-21T18:29", "2022-09-21T20:30")  # 00:00 -> 23:00 at 19:30Z
SAO_PAULO_GAP = ("America/Sao_Paulo", "2018-11-04T02:00", "2018-11-04T05:00")  # 00:00 -> 01:00 at 03:00Z
APIA_DAY = ("Pacific/Apia", "2011-12-29T10:00", "2011-12-31T09:59")  # no 30 December; change at 30 Dec 10Z
CASEY_GAP = ("Antarctica/Casey", "2020-10-03T12:00", "2020-10-03T18:00")  # 00:01 -> 03:01 at 16:01Z
PLAIN_DAY = ("UTC", "2026-03-29T00:00", "2026-03-29T03:00")

TABLE = [
    # Fixed times inside a gap: once, right after it.
    (*PARIS_GAP, "30 2 * * *", ["01:00"]),
    (*PARIS_GAP, "0 2 * * *", ["01:00"]),
    (*PARIS_GAP, "0,15,30,45 2 * * *", ["01:00"]),
    (*PARIS_GAP, "30 2 * * * 15", ["01:00"]),
    (*PARIS_GAP, "0 3 * * *", ["01:00"]),
    (*PARIS_GAP, "0,30 2,3 * * *", ["01:00", "01:30"]),
    (*PARIS_GAP, "59 1 * * *", ["00:59"]),
    (*PARIS_GAP, "30 2 * * sat", []),
    (*PARIS_GAP, "30 2 29 3 *", ["01:00"]),
    (*NEW_YORK_GAP, "30 2 * * *", ["07:00"]),
    (*LORD_HOWE_GAP, "15 2 * * *", ["15:30"]),
    (*LORD_HOWE_GAP, "30 2 * * *", ["15:30"]),
    (*LORD_HOWE_GAP, "45 2 * * *", ["15:45"]),
    (*CASABLANCA_GAP, "30 2 * * *", ["02:00"]),
    (*TEHRAN_GAP, "0 0 * * *", ["20:30"]),
    (*TEHRAN_GAP, "30 0 22 3 *", ["20:30"]),
    (*SAO_PAULO_GAP, "0 0 * * *", ["03:00"]),
    (*SAO_PAULO_GAP, "0 0 * * sun", ["03:00"]),
    (*SAO_PAULO_GAP, "0 0 * * mon", []),
    (*PLAIN_DAY, "30 2 * * *", ["02:30"]),
    # Jobs that follow real time: nothing in the gap.
    (*PARIS_GAP, "*/30 * * * *", ["00:30", "01:00", "01:30", "02:00"]),
    (*PARIS_GAP, "15 * * * *", ["00:15", "01:15"]),
    (*PARIS_GAP, "*/15 2 * * *", []),
    (*PARIS_GAP, "30 */2 * * *", []),
    (*LORD_HOWE_GAP, "0 * * * *", ["16:00"]),
    (*APIA_DAY, "0 */12 * * *", ["22:00", "10:00", "22:00"]),
    # A gap of three hours or more is a clock set anew: nothing is made up for.
    (*APIA_DAY, "0 2 * * *", ["12:00", "12:00"]),
    (*APIA_DAY, "0 2 30 12 *", []),
    (*CASEY_GAP, "30 1 * * *", []),
    # Fixed times that come twice: on the first pass.
    (*PARIS_OVERLAP, "30 2 * * *", ["00:30"]),
    (*PARIS_OVERLAP, "0 2 * * *", ["00:00"]),
    (*PARIS_OVERLAP, "0 3 * * *", ["02:00"]),
    (*PARIS_OVERLAP, "0,30 2,3 * * *", ["00:00", "00:30", "02:00"]),
    (*NEW_YORK_OVERLAP, "30 1 * * *", ["05:30"]),
    (*LORD_HOWE_OVERLAP, "45 1 * * *", ["14:45"]),
    (*CASABLANCA_OVERLAP, "30 2 * * *", ["01:30"]),
    (*TEHRAN_OVERLAP, "30 23 * * *", ["19:00"]),
    (*TEHRAN_OVERLAP, "0 0 * * *", ["20:30"]),
    # Jobs that follow real time: both passes.
    (*PARIS_OVERLAP, "0 * * * *", ["00:00", "01:00", "02:00"]),
    (*PARIS_OVERLAP, "*/30 2 * * *", ["00:00", "00:30", "01:00", "01:30"]),
    (*LORD_HOWE_OVERLAP, "45 * * * *", ["14:45", "15:15"]),
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def clock(fires: list[datetime]) -> list[str]:
    return [f"{fire:%H:%M}" for fire in fires]


@pytest.mark.parametrize(("zone", "start", "end", "expression", "fires"), TABLE)
def test_clock_changes(zone: str, start: str, end: str, expression: str, fires: list[str]) -> None:
    assert clock(list(parse(expression, zone).between(utc(start), utc(end)))) == fires


POLICIES = [
    (*PARIS_GAP, "30 2 * * *", "skip", None, []),
    (*PARIS_GAP, "30 2 * * *", "after", None, ["01:00"]),
    (*PARIS_GAP, "*/15 2 * * *", "after", None, ["01:00"]),
    (*PARIS_GAP, "30 * * * *", "after", None, ["00:30", "01:00", "01:30"]),
    (*APIA_DAY, "0 2 30 12 *", "after", None, []),
    (*PARIS_OVERLAP, "30 2 * * *", None, "both", ["00:30", "01:30"]),
    (*PARIS_OVERLAP, "30 2 * * *", None, "first", ["00:30"]),
    (*PARIS_OVERLAP, "0 * * * *", None, "first", ["00:00", "02:00"]),
]


@pytest.mark.parametrize(("zone", "start", "end", "expression", "gap", "overlap", "fires"), POLICIES)
def test_a_policy_overrides_crons_default(
    zone: str,
    start: str,
    end: str,
    expression: str,
    gap: Gap | None,
    overlap: Overlap | None,
    fires: list[str],
) -> None:
    cron = parse(expression, zone, gap=gap, overlap=overlap)
    assert clock(list(cron.between(utc(start), utc(end)))) == fires


def test_a_day_dropped_at_the_end_of_the_year() -> None:
    """Enderbury went over the date line: 31 December 1994 does not exist there, and is not made up for."""
    noon = parse("0 12 * * *", "Pacific/Enderbury")
    days = [
        f"{fire.astimezone(ZoneInfo(noon.zone)):%d}"
        for fire in noon.between(utc("1994-12-29T00:00"), utc("1995-01-03T00:00"))
    ]
    assert days == ["29", "30", "01", "02", "03"]


def test_upcoming_and_previous_across_a_gap() -> None:
    nightly = parse("30 2 * * *", "Europe/Paris")
    fires = nightly.upcoming(utc("2026-03-28T00:00"), 3)
    assert fires == [utc("2026-03-28T01:30"), utc("2026-03-29T01:00"), utc("2026-03-30T00:30")]
    assert nightly.previous(fires[2]) == fires[1]
    assert nightly.previous(fires[1]) == fires[0]


def texts(expression: str, zone: str, after: str, language: str = "en", **policy: Any) -> list[str]:
    cron = parse(expression, zone, **policy)
    return [warning.text(language) for warning in clock_warnings(cron, utc(after))]


def test_warnings_name_the_next_two_changes() -> None:
    cron = parse("30 2 * * *", "Europe/Paris")
    gap, overlap = clock_warnings(cron, utc("2026-01-01T00:00"))
    at = utc("2026-03-29T01:00")
    assert gap == ClockWarning(at=at, kind="gap", wall="02:30", fires_at=[at], zone="Europe/Paris")
    assert (overlap.at, overlap.kind, overlap.wall) == (utc("2026-10-25T01:00"), "overlap", "02:30")
    assert overlap.fires_at == [utc("2026-10-25T00:30")]


def test_warnings_in_words() -> None:
    assert texts("30 2 * * *", "Europe/Paris", "2026-01-01T00:00") == [
        "29 March 2026: 02:30 does not exist, fires at 03:00",
        "25 October 2026: 02:30 comes twice, fires the first time only",
    ]
    assert texts("30 2 * * *", "Europe/Paris", "2026-01-01T00:00", "fr") == [
        "29 mars 2026 : 02:30 n’existe pas, déclenche à 03:00",
        "25 octobre 2026 : 02:30 se répète, déclenche la première fois seulement",
    ]
    assert texts("30 2 * * *", "Europe/Paris", "2026-01-01T00:00", gap="skip", overlap="both") == [
        "29 March 2026: 02:30 does not exist, does not fire",
        "25 October 2026: 02:30 comes twice, fires both times",
    ]
    assert texts("*/15 2 * * *", "Europe/Paris", "2026-10-01T00:00") == [
        "25 October 2026: 02:00–02:45 comes twice, fires both times",
        "28 March 2027: 02:00–02:45 does not exist, does not fire",
    ]
    assert texts("0 0 * * *", "America/Sao_Paulo", "2018-11-01T00:00")[0] == (
        "4 November 2018: 00:00 does not exist, fires at 01:00"
    )


@pytest.mark.parametrize(
    ("expression", "zone"),
    [
        ("30 4 * * *", "Europe/Paris"),
        ("30 2 * * mon", "Europe/Paris"),
        ("*/15 * * * *", "Europe/Paris"),
        ("0 * * * *", "Europe/Paris"),
        ("*/30 * * * *", "Australia/Lord_Howe"),
        ("30 2 * * *", "UTC"),
        ("30 2 * * *", "Asia/Tokyo"),
    ],
)
def test_no_warning_where_nothing_is_touched(expression: str, zone: str) -> None:
    assert texts(expression, zone, "2026-01-01T00:00") == []


def test_an_hourly_job_is_touched_by_half_an_hour() -> None:
    assert texts("0 * * * *", "Australia/Lord_Howe", "2026-09-01T00:00") == [
        "4 October 2026: 02:00 does not exist, does not fire",
    ]
