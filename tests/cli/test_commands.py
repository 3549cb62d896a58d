"""The commands against this database and, the same ones, against a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib

import pytest

from jobs_app import tokens
from jobs_app.models import AuditEvent, Job
from runs_app.models import Run
from runs_app.states import RunState
from tests.api.test_jobs import SQL_JOB
from tests.cli.shell import Shell
from tests.factories import add_lines, make_job, make_run
from tests.people import person


@pytest.fixture
def origin(shell):
    return "api" if shell.where else "cli"


def test_jobs_are_listed_and_shown(shell):
    make_run(make_job(schedule="0 2 * * *"))
    assert "✔ SUCCEEDED" in shell("job", "list")
    assert shell.json("job", "list")["jobs"][0]["id"] == "ann-nightly"
    assert "copy-orders" in shell("job", "show", "ann-nightly")
    assert shell.json("job", "show", "ann-nightly")["job"]["version"] == 1


def test_run_sends_only_the_changes(shell, origin):
    make_job()
    shell(
        *("job", "run", "ann-nightly", "--param", "days=9", "--param", "region=us"),
        *("--op-kwarg", "send-summary.to=ann", "--disable-step", "copy-orders", "--log-level", "debug"),
    )
    run = Run.objects.get()
    assert run.triggered_by == origin
    assert run.trigger_detail
    assert run.snapshot["params"] == {"region": "us", "days": 9}
    assert run.snapshot["op_kwargs"]["send-summary"] == {"to": "ann"}
    assert run.snapshot["step_enabled"] == {"copy-orders": False, "send-summary": True}
    assert run.log_level == "DEBUG"


@pytest.mark.parametrize(
    "words",
    [
        ("--param", "nope=1"),
        ("--param", "days"),
        ("--op-kwarg", "days=1"),
        ("--op-kwarg", "nope.days=1"),
        ("--disable-step", "nope"),
        ("--log-level", "loud"),
        ("--nope",),
    ],
)
def test_wrong_usage_is_a_2(shell, words):
    make_job()
    shell("job", "run", "ann-nightly", *words, code=2)
    assert not Run.objects.exists()


def test_what_is_not_there_is_a_1_and_named(shell):
    assert "ann-nightly" in shell("job", "run", "ann-nightly", code=1) or shell.where
    shell("run", "show", "run_00000", code=1)
    shell("run", "show", "nonsense", code=1)


def test_an_active_run_is_a_1_that_names_it(shell):
    run = make_run(make_job(), RunState.RUNNING)
    assert run.run_id in shell("job", "run", "ann-nightly", code=1)
    assert shell.json("job", "run", "ann-nightly", code=1)["error"]["run"]["run_id"] == run.run_id


@pytest.mark.parametrize(
    ("state", "code"),
    [(RunState.SUCCEEDED, 0), (RunState.FAILED, 1), (RunState.PARTIAL, 1), (RunState.CANCELED, 1)],
)
def test_following_ends_with_the_run_and_its_exit_code(shell, state, code):
    run = make_run(make_job(), state, lines=["first", "second"])
    output = shell("run", "logs", run.run_id, "--follow", code=code)
    assert output.index("first") < output.index("second")


def test_a_log_is_printed_whole_or_in_part(shell):
    run = make_run(make_job(), lines=(f"line {n}" for n in range(1, 6_001)))
    add_lines(run, ["careful \x1b[31m"], level=2, step=2)
    assert len(shell("run", "logs", run.run_id).splitlines()) == 6_001
    assert [
        json.loads(x)["seq"] for x in shell("run", "logs", run.run_id, "--tail", "2", "--json").splitlines()
    ] == [
        6_000,
        6_001,
    ]
    careful = shell("run", "logs", run.run_id, "--level", "warning")
    assert "[send-summary] careful \\x1b[31m" in careful
    assert careful == shell("run", "logs", run.run_id, "--step", "send-summary")


def test_runs_are_listed_and_shown(shell):
    job = make_job()
    failed = make_run(job, RunState.FAILED, reason="step copy-orders failed")
    make_run(job)
    output = shell("run", "list", "--state", "failed")
    assert failed.run_id in output
    assert "✖ FAILED" in output
    assert len(output.splitlines()) == 3
    assert len(shell.json("run", "list", "--limit", "1")["runs"]) == 1
    assert "copy-orders" in shell("run", "show", failed.run_id)
    assert shell.json("run", "show", failed.run_id)["run"]["state"] == "FAILED"


def test_cancel(shell):
    run = make_run(make_job(), RunState.QUEUED)
    assert "is cancelled" in shell("run", "cancel", run.run_id)
    shell("run", "cancel", run.run_id, code=1)


def test_the_switch(shell):
    make_job()
    assert "disabled" in shell("job", "disable", "ann-nightly")
    assert not Job.objects.get().enabled
    assert shell.json("job", "enable", "ann-nightly")["job"]["enabled"] is True


def test_toml_goes_in_and_out(shell, tmp_path):
    file = tmp_path / "jobs.toml"
    file.write_text(SQL_JOB)
    assert "created: ann-import" in shell("job", "import", str(file))
    (job,) = tomllib.loads(shell("job", "export", "ann-import"))["jobs"]
    assert job["id"] == "ann-import"
    assert shell.json("job", "import", str(file))["unchanged"] == ["ann-import"]


def test_a_wrong_file_names_line_field_and_reason(shell, tmp_path):
    file = tmp_path / "jobs.toml"
    file.write_text(SQL_JOB.replace("0 2 * * *", "0 25 * * *"))
    assert "line 9: " in shell("job", "import", str(file), code=1)
    assert not Job.objects.exists()
    shell("job", "import", str(tmp_path / "none.toml"), code=2)


@pytest.mark.django_db
def test_a_token_is_the_last_word():
    person("ann", "job:ann-*")
    plain = Shell()("token", "create", "ann", "--name", "ci", "--scope", "job:ann-*:run").split()[-1]
    assert tokens.authenticate(plain).username == "ann"
    assert Shell().json("token", "create", "ann")["token"]
    Shell()("token", "create", "nobody", code=1)
    Shell()("token", "create", "ann", "--scope", "nonsense", code=2)


@pytest.mark.django_db
def test_accounts_are_made_changed_and_switched_off():
    shell = Shell()
    shell("user", "create", "ann", "--rule", "job:ann-*", "--password-stdin", stdin="long enough a word\n")
    shell("user", "create", "ann", "--password-stdin", stdin="long enough a word\n", code=1)
    shell("user", "create", "bob", "--password-stdin", stdin="short\n", code=1)
    shell("user", "create", "b b", "--password-stdin", stdin="long enough a word\n", code=2)
    shell("user", "create", "bob", "--rule", "nonsense", "--password-stdin", stdin="x\n", code=2)
    shell("user", "passwd", "ann", "--password-stdin", stdin="another long phrase\n")
    shell("user", "disable", "ann")
    user = person("ann")
    assert user.check_password("another long phrase")
    assert not user.is_active
    actions = AuditEvent.objects.filter(object_id="ann").values_list("action", flat=True)
    assert set(actions) == {"user.created", "user.password", "user.disabled"}


def test_cron_next_is_strictly_after():
    words = ("cron", "next", "0 3 * * *", "--zone", "Europe/Paris", "--from", "2026-03-28T02:00:00Z")
    fires = Shell().json(*words, "--count", "2")["fires"]
    assert fires == ["2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"]
    Shell()("cron", "next", "0 25 * * *", code=2)
    Shell()("cron", "next", "@daily", "--zone", "Nowhere/Town", code=2)
    Shell()("cron", "next", "@daily", "--from", "soon", code=2)


def test_a_server_that_is_not_there_is_a_1():
    where = ("--server", "http://127.0.0.1:9", "--token", "x")
    assert "does not answer" in Shell(*where)("job", "list", code=1)
    Shell("--server", "ftp://nowhere", "--token", "x")("job", "list", code=2)
    Shell("--server", "http://127.0.0.1:9")("job", "list", code=2)


def test_an_empty_home_says_what_to_do(tmp_path):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("NOMAFLOW_", "DJANGO_"))
    }
    result = subprocess.run(
        [sys.executable, "-m", "nomaflow", "job", "list"],
        env={**environment, "NOMAFLOW_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("nomaflow: no database is known here; `nomaflow up` starts one")


def test_a_list_that_cannot_be_read_is_wrong_usage(shell: Shell) -> None:
    answer = shell("run", "list", "--state", "bogus", code=2)
    assert "“bogus” is no state of a run: QUEUED, RUNNING" in answer
    assert shell.json("run", "list", "--state", "bogus", code=2)["error"]["field"] == "state"
