"""One running installation and what happens to it: real runs, kills, cuts, bad input. Nothing is replaced."""

from __future__ import annotations

import json
import os
import shutil
import signal
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from nomaflow.home import CHECKOUT
from tests import components
from tests.eventually import eventually
from tests.system.installation import Installation, installation

pytestmark = pytest.mark.system

LONG = 180  # seconds within which a run must have ended; most take one
FINAL = {"SUCCEEDED", "PARTIAL", "FAILED", "CANCELED", "SKIPPED"}
PLUGIN = """
    import os, subprocess, sys, time
    from pathlib import Path

    def hold(ctx, *, folder):
        child = subprocess.Popen(["sleep", "600"])
        Path(folder, "pids.new").write_text(f"{os.getpid()} {child.pid}")
        Path(folder, "pids.new").rename(Path(folder, "pids"))
        while True:
            time.sleep(0.1)

    def pause(ctx, *, seconds):
        time.sleep(seconds)

    def leave_at_once(ctx):
        os._exit(7)

    def leave(ctx):
        sys.exit(3)

    def fall(ctx):
        os.kill(os.getpid(), 11)

    def fail(ctx):
        raise ValueError("no more paper")

    def odd(ctx):
        return {"rows_affected": 1, "kept": object()}
"""
BROKEN = "import nowhere_to_be_found\ndef f(ctx): pass\n"


class System:
    """A running installation, asked over its API with a token and over its command line."""

    def __init__(self, cli: Installation, url: str, token: str) -> None:
        self.cli = cli
        self.url = f"{url}admin/jobs"
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy, no .netrc
        self.session.headers["Authorization"] = f"Token {token}"

    def post(self, path: str, **request: Any) -> requests.Response:
        return self.session.post(self.url + path, timeout=30, **request)

    def load(self, toml: str) -> requests.Response:
        return self.post("/import", data=toml.encode(), headers={"Content-Type": "application/toml"})

    def start(self, job: str, **body: Any) -> str:
        answer = self.post(f"/{job}/run", json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["run_id"])

    def run(self, run: str) -> dict[str, Any]:
        answer = self.session.get(f"{self.url}/runs/{run}", timeout=30)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ended(self, run: str) -> dict[str, Any]:
        return eventually(lambda: self._final(run), within=LONG, every=0.2)

    def _final(self, run: str) -> dict[str, Any] | None:
        found = self.run(run)
        return found if found["run"]["state"] in FINAL else None

    def job(self, function: str, **op_kwargs: Any) -> str:
        """A job of one step, named like its function."""
        name = function.replace("_", "-").replace(":", "-").replace(".", "-")
        told = ", ".join(f"{key} = {value!r}" for key, value in op_kwargs.items())
        step = f'{{ name = "only", type = "python", callable = "{function}", op_kwargs = {{ {told} }} }}'
        answer = self.load(f'[[jobs]]\nid = "{name}"\nsteps = [{step}]\n')
        assert answer.status_code == 200, answer.text
        return name


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    plugins = tmp_path_factory.mktemp("plugins")
    shutil.copytree(CHECKOUT / "plugins", plugins, dirs_exist_ok=True)
    (plugins / "trials.py").write_text(textwrap.dedent(PLUGIN))
    (plugins / "broken.py").write_text(BROKEN)
    lease = {"NOMAFLOW_LEASE_SECONDS": "10", "NOMAFLOW_HEARTBEAT_SECONDS": "2"}
    with installation(samples=True, NOMAFLOW_PLUGINS_DIR=str(plugins), **lease) as cli:
        url = cli.up()["url"]
        yield System(cli, url, cli.json("token", "create", "admin")["token"])


@pytest.fixture
def sampled(system: System) -> System:
    """The system, where the sample data could be had."""
    if not (system.cli.home / "samples-loaded").exists():
        components.unavailable("the samples need the Python package index: let pip reach one")
    return system


@pytest.fixture
def held(system: System, tmp_path: Path) -> tuple[str, list[int]]:
    """A run that will not end by itself, and the processes of its step."""
    run = system.start(system.job("trials:hold", folder=str(tmp_path)))
    eventually((tmp_path / "pids").exists, within=LONG)
    return run, [int(pid) for pid in (tmp_path / "pids").read_text().split()]


def gone(pids: list[int]) -> bool:
    alive = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


def check_sample(found: dict[str, Any]) -> None:
    assert found["run"]["state"] == "SUCCEEDED", found
    rows = {step["name"]: step["rows_affected"] for step in found["steps"]}
    assert rows["copy-flights"] == 336_776
    assert rows["refresh-delays-by-carrier"] == 16
    assert rows["refresh-delays-by-hour"] == 20
    assert found["steps"][-1]["output"]


class TestRuns:
    def test_the_sample_job_by_the_command_line(self, sampled: System) -> None:
        check_sample(sampled.cli.json("job", "run", "nightly-reporting-refresh", "--wait"))

    def test_the_sample_job_by_the_api(self, sampled: System) -> None:
        check_sample(sampled.ended(sampled.start("nightly-reporting-refresh")))

    def test_a_long_job_is_cancelled_by_the_command_line(self, sampled: System) -> None:
        run = sampled.start("long-reconciliation")
        eventually(lambda: sampled.run(run)["run"]["state"] == "RUNNING", within=LONG)
        sampled.cli.json("run", "cancel", run)
        assert sampled.ended(run)["run"]["reason_code"] == "user_cancel"

    def test_nothing_is_left_of_a_step_that_ignores_its_cancel(
        self, system: System, held: tuple[str, list[int]]
    ) -> None:
        run, pids = held
        system.cli.json("run", "cancel", run)
        ended = system.ended(run)["run"]
        assert (ended["state"], ended["reason_code"]) == ("CANCELED", "user_cancel")
        eventually(lambda: gone(pids))


class TestLosses:
    def test_a_killed_worker_loses_its_run_and_takes_the_next(
        self, system: System, held: tuple[str, list[int]]
    ) -> None:
        run, pids = held
        system.cli.celery().kill()
        self.check_lost(system, run, pids)

    def test_a_killed_pool_child_loses_its_run_and_the_next_is_taken(
        self, system: System, held: tuple[str, list[int]]
    ) -> None:
        run, pids = held
        pool_child = int(system.run(run)["run"]["worker"].rpartition("/")[2])
        os.kill(pool_child, signal.SIGKILL)
        self.check_lost(system, run, pids)

    def check_lost(self, system: System, run: str, pids: list[int]) -> None:
        ended = system.ended(run)["run"]
        assert (ended["state"], ended["reason_code"]) == ("FAILED", "worker_lost")
        eventually(lambda: gone(pids))
        again = system.ended(system.start(system.job("trials:pause", seconds=0)))
        assert again["run"]["state"] == "SUCCEEDED"

    def test_a_run_goes_on_without_the_broker_and_the_next_is_taken(self, system: System) -> None:
        run = system.start(system.job("trials:pause", seconds=3))
        eventually(lambda: system.run(run)["run"]["state"] == "RUNNING", within=LONG)
        broker = system.cli.pid("valkey")
        assert broker is not None
        os.kill(broker, signal.SIGKILL)
        assert system.ended(run)["run"]["state"] == "SUCCEEDED"
        assert system.ended(system.start("trials-pause"))["run"]["state"] == "SUCCEEDED"
        eventually(lambda: system.cli.pid("valkey") not in (broker, None), within=LONG)


DATABASE = '[[connectors]]\nname = "%s"\nkind = "postgres"\nurl = "postgresql://ann@127.0.0.1:%s/nothing"\n'


class TestBadInput:
    @pytest.fixture(autouse=True)
    def nothing_dies(self, system: System) -> Iterator[None]:
        """The same processes run before and after, those below the warden too."""

        def processes() -> set[int]:
            found = {each["pid"] for each in system.cli.status()["processes"]}
            return {*found, system.cli.celery().pid}

        before = eventually(processes)
        yield
        assert processes() == before

    @pytest.mark.parametrize(
        ("toml", "words"),
        [
            ('connector = "nowhere"\nquery = "SELECT 1"\ntype = "sql_query"', "nowhere"),
            ('callable = "os:getcwd"\ntype = "python"', "no module 'os'"),
            ('type = "telepathy"', "telepathy"),
            ('callable = "trials:pause"\ntype = "python"\n[[jobs.steps]]\nname = "only"\ntype = "python"\n', "only"),
            ('type = "python"\ncallable = "trials:pause"\n[[jobs.steps]', "line"),
            ('type = "python"\nop_kwargs = ' + "[" * 2_000, "nested"),
        ],
        ids=["connector", "callable", "step type", "duplicate step", "malformed", "2,000 brackets"],
    )  # fmt: skip
    def test_it_is_refused_by_name(self, system: System, tmp_path: Path, toml: str, words: str) -> None:
        self.check_refused(
            system, tmp_path, f'[[jobs]]\nid = "bad"\n[[jobs.steps]]\nname = "only"\n{toml}', words
        )

    def test_a_wrong_cron_is_refused_by_name(self, system: System, tmp_path: Path) -> None:
        step = '[[jobs.steps]]\nname = "only"\ntype = "python"\ncallable = "trials:pause"\n'
        self.check_refused(
            system, tmp_path, f'[[jobs]]\nid = "bad"\nschedule = "0 25 * * *"\n{step}', "schedule"
        )

    def check_refused(self, system: System, tmp_path: Path, toml: str, words: str) -> None:
        answer = system.load(toml)
        assert answer.status_code == 400
        assert words in json.dumps(answer.json(), ensure_ascii=False)
        (tmp_path / "bad.toml").write_text(toml)
        done = system.cli.call("job", "import", str(tmp_path / "bad.toml"))
        assert done.returncode in (1, 2)
        assert words in done.stderr
        assert "Traceback" not in done.stderr
        assert system.session.get(f"{system.url}/bad", timeout=30).status_code == 404

    def test_what_is_not_there_is_404_and_what_is_not_declared_400(self, system: System) -> None:
        assert system.post("/nobody/run", json={}).status_code == 404
        job = system.job("trials:pause", seconds=0)
        refused = system.post(f"/{job}/run", json={"params": {"moon": 1}})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "unknown_parameter")
        assert "moon" in refused.text
        assert system.cli.call("job", "run", job, "--param", "moon=1").returncode == 2

    def test_a_second_run_of_a_single_instance_job_is_409(
        self, system: System, held: tuple[str, list[int]]
    ) -> None:
        assert system.post("/trials-hold/run", json={}).status_code == 409
        system.cli.json("run", "cancel", held[0])
        system.ended(held[0])

    @pytest.mark.parametrize(
        ("function", "words"),
        [
            ("trials:leave_at_once", "7"),
            ("trials:leave", "3"),
            ("trials:fall", "signal"),
            ("trials:fail", "no more paper"),
            ("broken:f", "nowhere_to_be_found"),
        ],
    )
    def test_a_plugin_that_breaks_fails_its_step_only(
        self, system: System, function: str, words: str
    ) -> None:
        ended = system.ended(system.start(system.job(function)))
        assert ended["run"]["state"] == "FAILED"
        assert words in ended["steps"][0]["error_message"]

    def test_an_output_that_json_cannot_hold_is_no_failure(self, system: System) -> None:
        ended = system.ended(system.start(system.job("trials:odd")))
        assert ended["run"]["state"] == "SUCCEEDED"
        assert any("JSON" in line["message"] for line in ended["logs"])

    def test_a_database_that_refuses_or_hangs_fails_its_step(
        self, system: System, deaf_port: Callable[[], int]
    ) -> None:
        for name, port in (("refusing", 1), ("hanging", deaf_port())):
            job = f'[[jobs]]\nid = "{name}"\n[[jobs.steps]]\nname = "only"\ntype = "sql_query"\n'
            answer = system.load(f'{DATABASE % (name, port)}{job}connector = "{name}"\nquery = "SELECT 1"\n')
            assert answer.status_code == 200, answer.text
            ended = system.ended(system.start(name))
            assert ended["run"]["state"] == "FAILED"
            assert name in ended["steps"][0]["error_message"]
