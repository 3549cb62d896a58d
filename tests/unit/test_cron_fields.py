"""What is accepted and what is refused, with the field named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jobs_app.cron import CronError, parse, zone_names

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

SAME = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@ANNUALLY", "0 0 1 1 *"),
    ("0 0 * * 7", "0 0 * * 0"),
    ("0 0 * * SUN", "0 0 * * 0"),
    ("0 0 * * 5-7", "0 0 * * 0,5,6"),
    ("0 0 * * fri-sun", "0 0 * * 0,5,6"),
    ("0 0 * * Mon-Fri", "0 0 * * 1-5"),
    ("0 0 * jan,MAR-may *", "0 0 * 1,3,4,5 *"),
    ("  0\t0   *  * * ", "0 0 * * *"),
    ("00 07 01 * *", "0 7 1 * *"),
    ("50/5 * * * *", "50,55 * * * *"),
    ("5-5 * * * *", "5 * * * *"),
    ("10-20/5 * * * *", "10,15,20 * * * *"),
    ("*/60 */24 * * *", "0 0 * * *"),
    ("30 2 * * * 0", "30 2 * * *"),
    ("0 0 * * lfri", "0 0 * * L5"),
]

REFUSED = [
    ("", "expression"),
    ("   ", "expression"),
    ("* * * *", "expression"),
    ("* * * * * * *", "expression"),
    ("0 2 * * * 0 2026", "expression"),
    ("@reboot", "expression"),
    ("@every 5m", "expression"),
    ("0 0 31 2 *", "expression"),
    ("0 0 30 feb *", "expression"),
    ("0 0 31 2,4,6,9,11 *", "expression"),
    ("1," * 600 + "1 * * * *", "expression"),
    ("60 * * * *", "minute"),
    ("5-1 * * * *", "minute"),
    ("2-1 * * * *", "minute"),
    ("*/0 * * * *", "minute"),
    ("*/90 * * * *", "minute"),
    ("-5 * * * *", "minute"),
    ("1.5 * * * *", "minute"),
    ("1,,2 * * * *", "minute"),
    ("H * * * *", "minute"),
    ("R * * * *", "minute"),
    ("R(0-10) * * * *", "minute"),
    ("*-5 * * * *", "minute"),
    ("jan * * * *", "minute"),
    ("٣ * * * *", "minute"),
    ("¹ * * * *", "minute"),
    ("99999 * * * *", "minute"),
    ("? * * * *", "minute"),
    ("0 24 * * *", "hour"),
    ("0 22-2 * * *", "hour"),
    ("0 h * * *", "hour"),
    ("0 0 0 * *", "day_of_month"),
    ("0 0 32 * *", "day_of_month"),
    ("0 0 15W * *", "day_of_month"),
    ("0 0 L-3 * *", "day_of_month"),
    ("0 0 1-L * *", "day_of_month"),
    ("0 0 ? * 1", "day_of_month"),
    ("0 0 1#2 * *", "day_of_month"),
    ("0 0 * 13 *", "month"),
    ("0 0 * 0 *", "month"),
    ("0 0 * nov-feb *", "month"),
    ("0 0 * mon *", "month"),
    ("0 0 * * 8", "day_of_week"),
    ("0 0 * * fri-mon", "day_of_week"),
    ("0 0 * * 6-0", "day_of_week"),
    ("0 0 * * L", "day_of_week"),
    ("0 0 * * 5L", "day_of_week"),
    ("0 0 * * fri#6", "day_of_week"),
    ("0 0 * * fri#0", "day_of_week"),
    ("0 0 * * #2", "day_of_week"),
    ("0 0 * * mon-fri#2", "day_of_week"),
    ("0 0 * * funday", "day_of_week"),
    ("0 0 * * * 60", "second"),
    ("0 0 * * * R", "second"),
]


@pytest.mark.parametrize(("text", "plain"), SAME)
def test_other_spellings_fire_at_the_same_times(text: str, plain: str) -> None:
    assert parse(text).upcoming(START, 40) == parse(plain).upcoming(START, 40)


@pytest.mark.parametrize(("text", "field"), REFUSED)
def test_a_wrong_expression_is_refused_and_the_field_named(text: str, field: str) -> None:
    with pytest.raises(CronError) as refusal:
        parse(text)
    assert refusal.value.field == field
    message = str(refusal.value)
    assert field.replace("_", " ") in message
    assert message.endswith(".")


def test_a_range_error_says_what_is_allowed() -> None:
    with pytest.raises(CronError, match=r"^The hour field takes 0 to 23, not 25\.$"):
        parse("0 25 * * *")


def test_never_firing_is_called_that() -> None:
    with pytest.raises(CronError, match="'0 0 31 2 \\*' never fires"):
        parse("0 0 31 2 *")


@pytest.mark.parametrize(
    "zone",
    ["", "Europe/Pariss", "europe/paris", "Europe", "../passwd", "/etc/passwd", "UTC+2", "posix/UTC"],
)
def test_an_unknown_zone_is_refused_and_named(zone: str) -> None:
    with pytest.raises(CronError) as refusal:
        parse("0 2 * * *", zone)
    assert refusal.value.field == "zone"
    assert repr(zone) in str(refusal.value)


def test_unknown_policies_are_a_programming_error() -> None:
    with pytest.raises(ValueError, match="gap"):
        parse("0 2 * * *", gap="later")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="overlap"):
        parse("0 2 * * *", overlap="last")  # type: ignore[arg-type]


def test_zone_names_are_sorted_and_all_usable() -> None:
    names = zone_names()
    assert list(names) == sorted(set(names))
    assert {"UTC", "Europe/Paris", "Africa/Casablanca"} <= set(names)
    assert all(parse("0 2 * * *", zone).zone == zone for zone in names)


def test_parsing_is_cached_and_spaces_are_tidied() -> None:
    assert parse("0 2 * * *", "Europe/Paris") is parse("0 2 * * *", "Europe/Paris")
    assert parse(" 0  2 * * * ").expression == "0 2 * * *"


def test_monday_is_monday() -> None:
    """`30 9 * * 1` fires on Mondays, and the two day fields are ORed, as in cron."""
    mondays = parse("30 9 * * 1").upcoming(START, 10)
    assert {fire.strftime("%a %H:%M") for fire in mondays} == {"Mon 09:30"}
    either = parse("0 0 13 * fri").upcoming(datetime(2026, 1, 31, tzinfo=UTC), 6)
    assert [fire.day for fire in either] == [6, 13, 20, 27, 6, 13]
    friday_13 = parse("0 0 13 * *").upcoming(datetime(2026, 3, 31, tzinfo=UTC), 2)
    assert [f"{fire:%a %d}" for fire in friday_13] == ["Mon 13", "Wed 13"]


def test_a_leading_star_leaves_a_day_field_unrestricted() -> None:
    """Both `*/2` and `mon` must hold: cron looks at the first character only."""
    fires = parse("0 0 */2 * mon").upcoming(START, 3)
    assert [f"{fire:%a %d %b}" for fire in fires] == ["Mon 05 Jan", "Mon 19 Jan", "Mon 09 Feb"]


def test_rare_days_are_found() -> None:
    leap = parse("0 0 29 2 */7").upcoming(START, 3)  # 29 February on a Sunday
    assert [fire.date().isoformat() for fire in leap] == ["2032-02-29", "2060-02-29", "2088-02-29"]
    assert parse("0 0 29 2 */7").next(leap[-1]) == datetime(2128, 2, 29, tzinfo=UTC)
