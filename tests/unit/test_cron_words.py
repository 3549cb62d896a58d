"""Schedules in words: right first, pretty second."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs_app.cron import CronError, describe
from jobs_app.cron_fields import read
from tests.soak import times

TABLE = [
    ("* * * * * *", "Every second", "Toutes les secondes"),
    ("* * * * * */10", "Every 10 seconds", "Toutes les 10 secondes"),
    ("* * * * *", "Every minute", "Toutes les minutes"),
    ("*/15 * * * *", "Every 15 minutes", "Toutes les 15 minutes"),
    ("@hourly", "Every hour", "Toutes les heures"),
    ("30 * * * *", "At minute 30 of every hour", "À la minute 30 de chaque heure"),
    ("0 */2 * * *", "Every 2 hours every day", "Toutes les 2 heures tous les jours"),
    ("0 2 * * *", "At 02:00 every day", "À 02:00 tous les jours"),
    ("0 2 * * * 30", "At 02:00:30 every day", "À 02:00:30 tous les jours"),
    ("0 2,14 * * *", "At 02:00 and 14:00 every day", "À 02:00 et 14:00 tous les jours"),
    ("0 2 * * 1-5", "At 02:00 from Monday to Friday", "À 02:00 du lundi au vendredi"),
    ("0 2 * * 0,6", "At 02:00 on Saturday and on Sunday", "À 02:00 le samedi et le dimanche"),
    (
        "*/15 9-17 * * mon-fri",
        "Every 15 minutes from 09:00 to 17:45 from Monday to Friday",
        "Toutes les 15 minutes de 09:00 à 17:45 du lundi au vendredi",
    ),
    ("@monthly", "At 00:00 on day 1 of the month", "À 00:00 le jour 1 du mois"),
    ("0 6 L * *", "At 06:00 on the last day of the month", "À 06:00 le dernier jour du mois"),
    ("0 6 * * fri#2", "At 06:00 on the second Friday of the month", "À 06:00 le deuxième vendredi du mois"),
    ("0 6 * * L5", "At 06:00 on the last Friday of the month", "À 06:00 le dernier vendredi du mois"),
    (
        "0 0 1,15 * mon",
        "At 00:00 on days 1 and 15 of the month or on Monday",
        "À 00:00 les jours 1 et 15 du mois ou le lundi",
    ),
    (
        "0 0 */10 * mon",
        "At 00:00 on days 1, 11, 21 and 31 of the month, and only on Monday",
        "À 00:00 les jours 1, 11, 21 et 31 du mois, et seulement le lundi",
    ),
    ("0 0 1-31 * mon", "At 00:00 every day", "À 00:00 tous les jours"),
    (
        "0 0 1 */3 *",
        "At 00:00 on day 1 of the month in January, April, July and October",
        "À 00:00 le jour 1 du mois en janvier, avril, juillet et octobre",
    ),
    (
        "*/7 * * apr-sep *",
        "At minutes 0, 7, 14, …, 56 of every hour from April to September",
        "Aux minutes 0, 7, 14, …, 56 de chaque heure entre avril et septembre inclus",
    ),
    (
        "1-3,9 3,5 * * * 7",
        "At second 7 of minutes 1 to 3 and 9 of hours 3 and 5 every day",
        "À la seconde 7 des minutes 1 à 3 et 9 des heures 3 et 5 tous les jours",
    ),
]


@pytest.mark.parametrize(("expression", "english", "french"), TABLE)
def test_sentences(expression: str, english: str, french: str) -> None:
    assert describe(expression) == english
    assert describe(expression, "fr") == french


def test_regional_and_unknown_languages() -> None:
    assert describe("0 2 * * *", "fr-ca") == "À 02:00 tous les jours"
    assert describe("0 2 * * *", "de") == "At 02:00 every day"


def test_a_wrong_expression_is_refused() -> None:
    with pytest.raises(CronError, match="minute"):
        describe("60 * * * *")


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    some = st.lists(number, min_size=1, max_size=6).map(lambda values: ",".join(map(str, values)))
    run = st.tuples(number, number).map(lambda pair: "{}-{}".format(*sorted(pair)))
    step = st.integers(1, (high - low + 1) // 2).map(lambda n: f"*/{n}")
    return st.one_of(st.just("*"), step, run, some)


weekdays = st.one_of(field(0, 6), st.sampled_from(["1#2", "L5", "1,2#3", "L5,5#1"]))
days = st.one_of(field(1, 31), st.sampled_from(["L", "1,L", "28-31,L"]))
expressions = st.tuples(field(0, 59), field(0, 23), days, field(1, 12), weekdays, field(0, 59)).map(" ".join)


@settings(max_examples=times(300), deadline=None)
@given(first=expressions, swap=st.integers(0, 5), second=expressions)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_different_schedules_never_share_a_sentence(
    first: str, swap: int, second: str, language: str
) -> None:
    """Change one field: when the sentence stays, so must everything the expression allows."""
    parts = first.split()
    parts[swap] = second.split()[swap]
    try:
        one, two = read(first), read(" ".join(parts))
    except CronError:
        return
    if describe(first, language) == describe(" ".join(parts), language):
        assert (one.hours, one.minutes, one.seconds) == (two.hours, two.minutes, two.seconds)
        days = range(20_000, 20_000 + 1461)
        assert list(one.days.between(days[0], days[-1])) == list(two.days.between(days[0], days[-1]))
