"""Python steps through the whole engine: real claim, real log, real PostgreSQL connector."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet

from jobs_app import connectors, secrets
from runs_app import lifecycle
from runs_app.models import LogLine, Run
from tests.engine.conftest import messages
from tests.eventually import eventually
from tests.workers.python_execution import write_plugin

Perform = Callable[..., Run]


@pytest.fixture
def plugins(tmp_path: Path, settings) -> Path:
    settings.NOMAFLOW_PLUGINS_DIR = tmp_path
    settings.NOMAFLOW_CANCEL_GRACE_SECONDS = 1
    return tmp_path


@pytest.fixture
def reporting(transactional_db: None, settings) -> Iterator[str]:
    url = os.environ["NOMAFLOW_TEST_REPORTING_URL"]
    settings.NOMAFLOW_FERNET_KEYS = [Fernet.generate_key().decode()]
    secrets._fernet.cache_clear()
    connectors.save_connector({"name": "reporting", "kind": "postgres", "url": url}, actor="test")
    yield url
    secrets._fernet.cache_clear()


def step(function: str, **fields) -> dict:
    return {"type": "python", "callable": f"plug:{function}", **fields}


def test_parameters_output_and_lines(perform: Perform, plugins: Path) -> None:
    text = """
        import logging
        def f(ctx, *, period, copies):
            print("printed"); logging.getLogger(__name__).warning("warned")
            return {"rows_affected": copies, "period": period, "user": ctx.session_user}
        def g(ctx): return ctx.previous_step
    """
    write_plugin(plugins, text)
    run = perform(step("f", op_kwargs={"copies": 3}), step("g"), params={"period": "2026-10", "copies": 1})
    first, second = run.steps.all()
    assert (run.state, first.rows_affected) == ("SUCCEEDED", 3)
    assert first.output == second.output
    told = LogLine.objects.filter(run=run, source=1).values_list("level", "step", "logger", "message")
    assert list(told) == [(1, 1, "stdout", "printed"), (2, 1, "plug", "warned")]


def test_a_failure_keeps_the_plugins_class_and_traceback(perform: Perform, plugins: Path) -> None:
    write_plugin(plugins, "def f(ctx): {}['period']")
    run = perform(step("f"))
    (failed,) = run.steps.all()
    assert (run.state, failed.error_class, failed.error_message) == ("FAILED", "KeyError", "'period'")
    assert 'plug.py", line 1, in f' in failed.traceback


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("os.kill(os.getpid(), 9)", "killed", "step process killed (signal 9)"),
        ("os.kill(os.getppid(), 9); time.sleep(60)", "killed", "step process killed (signal 9)"),
        ("os._exit(3)", "killed", "step process exited with status 3"),
        ("bytearray(4 << 30)", "memory_limit", "memory limit 1024 MB"),
        ("time.sleep(60)", "timeout", "timeout after 1s"),
    ],
)
def test_every_end_has_its_reason(
    perform: Perform, plugins: Path, text: str, code: str, sentence: str
) -> None:
    write_plugin(plugins, f"import os, time\ndef f(ctx): {text}")
    run = perform(step("f", timeout_seconds=1 if code == "timeout" else 60))
    (failed,) = run.steps.all()
    assert (failed.state, failed.reason_code, failed.reason) == ("FAILED", code, sentence)


def test_a_result_json_cannot_hold_succeeds_and_is_stored(perform: Perform, plugins: Path) -> None:
    write_plugin(plugins, "def f(ctx): return {1, 2}\ndef g(ctx): return {'text': chr(0xD800) + chr(0)}")
    run = perform(step("f"), step("g"))
    assert run.state == "SUCCEEDED"
    assert all("_unserialisable" in one.output for one in run.steps.all())


def test_a_transaction_over_a_connector(perform: Perform, plugins: Path, reporting: str) -> None:
    text = """
        def f(ctx):
            db = ctx.get_connector("reporting")
            with db.transaction() as work:
                work.execute("create table if not exists kept (n int)")
                work.execute("insert into kept values (:n)", {"n": 4})
            return {"rows": db.query("select n from kept")}
    """
    write_plugin(plugins, text)
    try:
        run = perform(step("f"))
        assert (run.state, run.steps.get().output) == ("SUCCEEDED", {"rows": [{"n": 4}]})
    finally:
        with psycopg.connect(reporting) as link:
            link.execute("drop table if exists kept")


def test_cancel_ends_a_statement_on_the_server(perform_aside: Perform, plugins: Path, reporting: str) -> None:
    text = "def f(ctx): ctx.get_connector('reporting').query('select pg_sleep(600)')"
    write_plugin(plugins, text)
    run = perform_aside(step("f"))
    with psycopg.connect(reporting, autocommit=True) as link:
        running = (
            "select count(*) from pg_stat_activity where query = 'select pg_sleep(600)' and state = 'active'"
        )
        eventually(lambda: link.execute(running).fetchone()[0] == 1)
        lifecycle.request_cancel(run, by="user:bob")
        eventually(lambda: Run.objects.get(pk=run.pk).state == "CANCELED")
        eventually(lambda: link.execute(running).fetchone()[0] == 0)
    assert not any("did not stop" in line for line in messages(run))


def test_cancel_kills_what_goes_on(perform_aside: Perform, plugins: Path) -> None:
    write_plugin(plugins, "def f(ctx):\n    ctx.log.info('spinning')\n    while True: pass")
    run = perform_aside(step("f"))
    eventually(lambda: "spinning" in messages(run))
    lifecycle.request_cancel(run, by="user:bob")
    eventually(lambda: Run.objects.get(pk=run.pk).state == "CANCELED")
    assert messages(run)[-1] == "run cancelled by user:bob"


def test_a_flood_is_counted_exactly(perform: Perform, plugins: Path) -> None:
    write_plugin(plugins, "def f(ctx):\n    for n in range(50_000): print(n, 'x' * 100)")
    run = perform(step("f"), log_truncate_kb=100)
    stored = LogLine.objects.filter(run=run, source=1).count()
    assert run.state == "SUCCEEDED"
    assert any(f"{50_000 - stored:,} lines" in line for line in messages(run))


def test_an_error_no_table_can_hold_fails_the_step_and_is_stored(perform: Perform, plugins: Path) -> None:
    write_plugin(plugins, "def f(ctx): raise ValueError('a' + chr(0) + chr(0xD800) + 'b')")
    run = perform(step("f"))
    (failed,) = run.steps.all()
    assert (run.state, failed.error_class, failed.error_message) == ("FAILED", "ValueError", "a\u2400?b")


def test_an_output_nested_too_deeply_is_said_and_the_step_succeeds(perform: Perform, plugins: Path) -> None:
    write_plugin(
        plugins,
        """
        def f(ctx):
            deep = []
            for _ in range(700):
                deep = [deep]
            return {"deep": deep}
        """,
    )
    run = perform(step("f"))
    assert (run.state, list(run.steps.get().output)) == ("SUCCEEDED", ["_unserialisable"])
