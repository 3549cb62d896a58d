from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs_app.cron import parse
from workers.decide import MOST_ROWS, Decision, Policy, decide

NINE = datetime(2026, 11, 22, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EACH_MINUTE = parse("* * * * *")


def made(minutes: float, *, misfire: str = "once") -> Decision:
    return decide(EACH_MINUTE, cursor=NINE, now=NINE + minutes * MINUTE, policy=Policy(misfire=misfire))


def minutes(instants: Iterable[datetime]) -> list[int]:
    return [int((instant - NINE) / MINUTE) for instant in instants]


def test_nothing_is_due_between_two_fires() -> None:
    assert made(0.5) == Decision(cursor=NINE + MINUTE / 2, next_fire=NINE + MINUTE)


@pytest.mark.parametrize("misfire", ["once", "all", "skip"])
def test_a_fire_on_time_runs_whatever_the_policy(misfire: str) -> None:
    for late in (0, 0.4):
        decision = made(1 + late, misfire=misfire)
        assert minutes(decision.run) == [1]
        assert decision.skipped == ()
        assert decision.next_fire == NINE + 2 * MINUTE


def test_once_runs_the_newest_and_records_the_rest() -> None:
    decision = made(5)
    assert minutes(decision.run) == [5]
    assert minutes(fire for fire, _reason in decision.skipped) == [1, 2, 3, 4]
    assert all("only the newest" in reason for _fire, reason in decision.skipped)


def test_once_has_a_limit_of_lateness() -> None:
    hourly = parse("0 * * * *")
    policy = Policy(max_lateness=timedelta(minutes=10))
    decision = decide(hourly, cursor=NINE, now=NINE + timedelta(minutes=131), policy=policy)
    assert decision.run == ()
    assert [reason.rpartition(",")[2] for _fire, reason in decision.skipped] == [
        " only the newest missed fire runs",
        " at most 600 s are allowed",
    ]


def test_all_runs_each_in_order() -> None:
    assert minutes(made(200, misfire="all").run) == list(range(1, 201))


def test_all_one_at_a_time_waits_for_the_run_before() -> None:
    policy = Policy(misfire="all", one_at_a_time=True)
    cursor, now, ran = NINE, NINE + 3 * MINUTE, []
    while (decision := decide(EACH_MINUTE, cursor=cursor, now=now, policy=policy)).run:
        ran += decision.run
        waiting = decide(EACH_MINUTE, cursor=decision.cursor, now=now, policy=policy, busy=True)
        assert waiting.run == waiting.skipped == () or decision.cursor == now
        cursor = waiting.cursor
    assert minutes(ran) == [1, 2, 3]


def test_skip_records_what_was_missed() -> None:
    decision = made(3.2, misfire="skip")
    assert minutes(decision.run) == [3]
    assert minutes(fire for fire, _reason in decision.skipped) == [1, 2]


@pytest.mark.parametrize("misfire", ["once", "all", "skip"])
def test_a_long_absence_has_a_bounded_number_of_rows(misfire: str) -> None:
    decision = made(5000, misfire=misfire)
    assert len(decision.run) + len(decision.skipped) == MOST_ROWS
    assert decision.unrecorded == 4000


def test_a_clock_set_back_decides_nothing_twice() -> None:
    decision = decide(EACH_MINUTE, cursor=NINE, now=NINE - 30 * MINUTE, policy=Policy())
    assert decision == Decision(cursor=NINE, next_fire=NINE + MINUTE)


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=12),
    st.sampled_from(["once", "all", "skip"]),
    st.booleans(),
    st.integers(0, 7200),
)
def test_every_instant_is_covered_once(
    pauses: list[int], misfire: str, one_at_a_time: bool, max_lateness: int
) -> None:
    """Whenever the scheduler looks, and however long it was away in between."""
    cron = parse("*/7 * * * * */20")
    policy = Policy(
        misfire=misfire, one_at_a_time=one_at_a_time, max_lateness=timedelta(seconds=max_lateness)
    )
    cursor = now = NINE
    covered: list[datetime] = []
    for pause in pauses:
        now += timedelta(seconds=pause)
        while True:
            decision = decide(cron, cursor=cursor, now=now, policy=policy)
            covered += sorted([*decision.run, *(fire for fire, _reason in decision.skipped)])
            assert decision.next_fire == cron.next(decision.cursor)
            cursor = decision.cursor
            if decision.next_fire > now:
                break
    assert covered == list(cron.between(NINE, now))
