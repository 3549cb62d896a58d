"""`nomaflow job run --wait` and `--follow` on runs that are executed meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import connections

from runs_app.models import Run
from runs_app.states import RunState
from tests.cli.shell import Shell
from tests.eventually import eventually
from tests.factories import make_job, puppet_step
from workers import engine


@pytest.fixture
def worker(transactional_db: None) -> Iterator[None]:
    """Takes the first run that is queued and executes it."""
    leave = threading.Event()

    def work() -> None:
        try:
            waiting = Run.objects.filter(state=RunState.QUEUED)
            run = eventually(lambda: leave.is_set() or waiting.first(), within=120)
            if isinstance(run, Run):
                engine.execute(run.pk, worker="test/1")
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    leave.set()
    thread.join(60)
    assert not thread.is_alive()


def test_waiting_shows_the_steps_and_exits_0(shell: Shell, worker: None) -> None:
    make_job(steps=[puppet_step("greet", text="good morning")])
    output = shell("job", "run", "ann-nightly", "--wait")
    assert "✔ SUCCEEDED" in output
    assert "good morning" not in output


def test_following_prints_each_line_once_and_in_order(shell: Shell, worker: None) -> None:
    make_job(steps=[puppet_step("greet", text="good morning"), puppet_step("leave", text="good night")])
    *lines, last = shell.json_lines("job", "run", "ann-nightly", "--follow")
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert [x["message"] for x in lines if x["source"] == "step"] == ["good morning", "good night"]
    assert last["run"]["state"] == "SUCCEEDED"


def test_a_failed_run_exits_1_and_says_why(shell: Shell, worker: None) -> None:
    make_job(steps=[puppet_step("break", act="fail", text="no more paper")])
    output = shell("job", "run", "ann-nightly", "--follow", code=1)
    assert "✖ FAILED" in output
    assert "no more paper" in output
