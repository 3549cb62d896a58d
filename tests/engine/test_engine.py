"""The straight path of one run, on a real database."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runs_app import lifecycle
from runs_app.dispatch import Overrides
from runs_app.models import Attempt, LogLine, Run
from tests.engine.conftest import messages
from tests.eventually import eventually

Perform = Callable[..., Run]


def test_steps_run_in_order_and_pass_their_output_on(perform: Perform) -> None:
    run = perform({"text": "first"}, {"text": "then ${out:s1.text} in ${run:id}"})
    assert (run.state, run.reason) == ("SUCCEEDED", "")
    first, second = run.steps.all()
    assert (first.state, first.rows_affected, first.output["text"]) == ("SUCCEEDED", 3, "first")
    assert second.output["text"] == f"then first in {run.run_id}"
    assert first.finished_at <= second.finished_at <= run.finished_at
    assert [event.kind for event in run.events.all()] == [
        "queued", "claimed", "step_started", "step_finished", "step_started", "step_finished", "finished",
    ]  # fmt: skip


def test_the_log_tells_the_story_with_gap_free_numbers(perform: Perform) -> None:
    run = perform({"text": "hello"})
    said = messages(run)
    assert said[0] == f"run {run.run_id} · puppet-show · triggered by user:ann"
    assert said[1] == "step s1 · type=puppet"
    assert said[2] == "hello"
    assert said[3].startswith("step s1 · SUCCEEDED · ")
    assert said[4] == f"run {run.run_id} · SUCCEEDED"
    lines = LogLine.objects.filter(run=run).order_by("seq")
    assert [line.seq for line in lines] == [1, 2, 3, 4, 5]
    assert [line.source for line in lines] == [0, 0, 1, 0, 0]
    assert run.log_last_seq == 5


def test_a_failure_stops_the_rest_and_keeps_class_message_and_traceback(perform: Perform) -> None:
    run = perform({"act": "fail", "text": "no disk"}, {})
    assert (run.state, run.reason_code, run.reason) == ("FAILED", "step_failed", "s1: ValueError: no disk")
    failed, after = run.steps.all()
    assert (failed.state, failed.error_class, failed.error_message) == ("FAILED", "ValueError", "no disk")
    assert "in _fail" in failed.traceback
    assert (after.state, after.reason_code, after.reason) == (
        "CANCELED", "upstream_failed", "skipped: upstream failed",
    )  # fmt: skip


def test_retry_makes_attempts_and_says_so(perform: Perform) -> None:
    run = perform({"act": "fail_first", "times": 2}, retry={"attempts": 3, "base_seconds": 0.01})
    assert run.state == "SUCCEEDED"
    attempts = Attempt.objects.filter(step_run__run=run)
    assert [(a.number, a.state) for a in attempts] == [(1, "FAILED"), (2, "FAILED"), (3, "SUCCEEDED")]
    assert any("retrying in 10 ms, attempt 2 of 3" in line for line in messages(run))
    assert run.steps.get().attempts_made == 3


def test_attempts_run_out(perform: Perform) -> None:
    run = perform({"act": "fail_first", "times": 5}, retry={"attempts": 2, "base_seconds": 0.01})
    assert run.state == "FAILED"
    assert Attempt.objects.filter(step_run__run=run).count() == 2


def test_a_step_that_says_so_is_not_retried(perform: Perform) -> None:
    run = perform({"act": "refuse"}, retry={"attempts": 3})
    assert Attempt.objects.filter(step_run__run=run).count() == 1


def test_a_disabled_step_is_canceled_and_the_rest_runs(perform: Perform) -> None:
    run = perform({}, {"enabled": False}, {})
    assert run.state == "SUCCEEDED"
    skipped = run.steps.get(position=2)
    assert (skipped.state, skipped.reason_code, skipped.reason) == (
        "CANCELED",
        "disabled",
        "skipped: disabled",
    )


def test_a_fire_may_disable_a_step_change_parameters_and_level(perform: Perform) -> None:
    overrides = Overrides(params={"size": 2}, step_enabled={"s1": False}, log_level="DEBUG")
    run = perform({}, {"act": "levels"}, {}, params={"size": 1, "kept": True}, overrides=overrides)
    assert run.snapshot["params"] == {"size": 2, "kept": True}
    assert run.steps.get(position=3).output["params"] == {"size": 2, "kept": True}
    assert "debug line" in messages(run)


def test_lines_below_the_level_are_not_kept(perform: Perform) -> None:
    assert "debug line" not in messages(perform({"act": "levels"}))


def test_continue_on_error_ends_partial(perform: Perform) -> None:
    run = perform({"act": "fail", "continue_on_error": True}, {})
    assert run.state == "PARTIAL"
    assert [step.state for step in run.steps.all()] == ["FAILED", "SUCCEEDED"]


@pytest.mark.parametrize(
    ("condition", "state"), [("params.full", "CANCELED"), ("not params.full", "SUCCEEDED")]
)
def test_a_condition_decides(perform: Perform, condition: str, state: str) -> None:
    run = perform({"condition": condition}, {}, params={"full": False})
    step = run.steps.get(position=1)
    assert (run.state, step.state) == ("SUCCEEDED", state)
    assert step.reason == ("" if state == "SUCCEEDED" else "skipped: condition")


def test_a_step_timeout_fails_the_attempt(perform: Perform) -> None:
    run = perform({"act": "hang", "timeout_seconds": 1})
    step = run.steps.get()
    assert (run.state, step.state, step.reason_code, step.reason) == (
        "FAILED",
        "FAILED",
        "timeout",
        "timeout after 1s",
    )


def test_a_job_timeout_cancels_the_run(perform: Perform) -> None:
    run = perform({"act": "hang"}, {}, timeout_seconds=1)
    assert (run.state, run.reason_code, run.reason) == ("CANCELED", "timeout", "timeout after 1s")
    assert [step.state for step in run.steps.all()] == ["CANCELED", "CANCELED"]
    assert messages(run)[-1] == "run cancelled: timeout after 1s"


def test_cancel_stops_the_step_and_is_the_last_line(perform_aside: Perform) -> None:
    run = perform_aside({"act": "hang"}, {})
    eventually(lambda: "hanging" in messages(run))
    assert lifecycle.request_cancel(run, by="user:bob") == "canceling"
    run = eventually(lambda: Run.objects.filter(pk=run.pk, state="CANCELED").first())
    assert (run.reason_code, run.cancel_requested_by) == ("user_cancel", "user:bob")
    assert messages(run)[-1] == "run cancelled by user:bob"
    assert [step.reason_code for step in run.steps.all()] == ["user_cancel", "run_canceled"]
    assert lifecycle.request_cancel(run, by="user:bob") == "already_final"


def test_cancel_wakes_a_step_that_waits_for_its_retry(perform_aside: Perform) -> None:
    run = perform_aside({"act": "fail"}, retry={"attempts": 2, "base_seconds": 600})
    eventually(lambda: run.steps.get().retry_at)
    lifecycle.request_cancel(run, by="user:bob")
    eventually(lambda: Run.objects.get(pk=run.pk).state == "CANCELED")


def test_secrets_of_the_environment_never_show(perform: Perform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOMAFLOW_VAR_API_TOKEN", "canary-7f3a9")
    run = perform({"text": "key ${env:NOMAFLOW_VAR_API_TOKEN}"}, {"act": "fail", "text": "${out:s1.text}"})
    shown = [*messages(run)]
    for step in run.steps.all():
        shown += [str(step.output), step.error_message, step.traceback, step.reason, run.reason]
        shown += [str(attempt.input) for attempt in step.attempts.all()]
    assert not [text for text in shown if "canary-7f3a9" in text]
    assert "key ***" in messages(run)


def test_an_unknown_name_fails_the_step_naming_it(perform: Perform) -> None:
    run = perform({"text": "${env:NOMAFLOW_VAR_NOT_THERE}"})
    assert run.state == "FAILED"
    assert "NOMAFLOW_VAR_NOT_THERE" in run.reason


def test_a_flood_is_cut_with_an_exact_count(perform: Perform) -> None:
    run = perform({"act": "flood", "times": 5000, "text": "x" * 100}, log_truncate_kb=10)
    stored = LogLine.objects.filter(run=run, source=1).count()
    assert stored + run.log_dropped_lines == 5000
    assert 0 < stored < 120
    assert (
        f"log truncated: {run.log_dropped_lines:,} lines, {run.log_dropped_bytes:,} bytes were not kept"
        in messages(run)
    )
    seqs = list(LogLine.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, run.log_last_seq + 1))


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a\x00b", ["a␀b"]),
        ("a\ud800b", ["a\\ud800b"]),
        ("one\r\ntwo\nthree\rfour", ["one", "two", "three", "four"]),
        ("\x1b[31mred\x1b[0m", ["\x1b[31mred\x1b[0m"]),
    ],
)
def test_lines_are_cleaned(perform_text: Callable[[str], list[str]], text: str, stored: list[str]) -> None:
    assert perform_text(text) == stored


@pytest.fixture
def perform_text(perform: Perform, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    def run(text: str) -> list[str]:
        monkeypatch.setattr("tests.puppet.Puppet._fail", lambda self, ctx, config: ctx.log.info(text))
        done = perform({"act": "fail"})
        return list(
            LogLine.objects.filter(run=done, source=1).order_by("seq").values_list("message", flat=True)
        )

    return run


def test_a_long_line_is_cut_with_a_mark(perform_text: Callable[[str], list[str]]) -> None:
    (line,) = perform_text("é" * 60_000)
    assert len(line.encode()) < 66_000
    assert line.endswith("… [cut, 120,000 bytes]")


def test_what_json_cannot_hold_is_said_and_the_step_succeeds(perform: Perform) -> None:
    run = perform({"act": "circular"})
    assert run.state == "SUCCEEDED"
    assert "ValueError" in run.steps.get().output["_unserialisable"]


def test_a_step_that_exits_fails(perform: Perform) -> None:
    run = perform({"act": "exit"})
    assert (run.state, run.steps.get().error_class) == ("FAILED", "SystemExit")
