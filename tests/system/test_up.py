"""`nomaflow up`, `status` and `down` as an operator uses them: real processes in a home of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from nomaflow import embedded
from tests.eventually import eventually
from tests.system.installation import PATIENCE, Installation, fetch, installation

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def shared() -> Iterator[Installation]:
    """One home for the module: initialising it takes longer than most tests."""
    with installation() as shared:
        yield shared


@pytest.fixture
def running(shared: Installation) -> Installation:
    shared.up()
    return shared


@pytest.fixture
def stopped(shared: Installation) -> Installation:
    shared.call("down")
    return shared


def test_two_new_homes_start_at_the_same_time() -> None:
    with installation() as one, installation() as other:
        starts = [each.start("up", "--detach", "--json") for each in (one, other)]
        answers = [start.communicate(timeout=PATIENCE) for start in starts]
        assert [start.returncode for start in starts] == [0, 0], answers
        reports = [json.loads(printed) for printed, _ in answers]
        assert reports[0]["url"] != reports[1]["url"]
        assert [fetch(f"{report['url']}readyz") for report in reports] == [200, 200]
        for each, report in zip((one, other), reports, strict=True):
            assert report["user"] == "admin"
            assert report["password"] in (each.home / "first-login").read_text()
            assert (each.home / "first-login").stat().st_mode & 0o777 == 0o600
        assert other.call("down").returncode == 0
        assert other.processes() == []
        assert one.status()["state"] == "running"


class TestRunning:
    def test_a_second_up_finds_it_running(self, running: Installation) -> None:
        first, second = running.up(), running.up()
        assert second == first
        assert first["already_running"]

    @pytest.mark.parametrize("name", ["postgres", "valkey", "web", "worker", "beat"])
    def test_what_dies_is_started_again(self, running: Installation, name: str) -> None:
        url = running.up()["url"]
        before = running.pid(name)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        eventually(lambda: running.pid(name) not in (before, None), within=90)
        eventually(lambda: running.status()["state"] == "running", within=90)
        assert fetch(f"{url}readyz") == 200

    def test_a_worker_that_dies_below_its_warden_is_not_called_running(self, running: Installation) -> None:
        eventually(lambda: running.status()["state"] == "running", within=90)
        running.celery().kill()
        eventually(lambda: running.status()["state"] == "degraded", every=0)
        eventually(lambda: running.status()["state"] == "running", within=90)

    def test_down_says_what_it_did(self, running: Installation) -> None:
        assert running.call("status").returncode == 0
        assert running.json("down") == {"was_running": True}
        assert running.processes() == []
        assert running.status()["state"] == "stopped"
        assert running.call("status").returncode == 1
        assert running.json("down") == {"was_running": False}

    @pytest.mark.parametrize("command", ["up", "down"])
    def test_what_a_killed_supervisor_left_is_ended(self, running: Installation, command: str) -> None:
        supervisor = running.supervisor()
        left = psutil.Process(supervisor).children(recursive=True)
        os.kill(supervisor, signal.SIGKILL)
        eventually(lambda: running.status()["state"] == "stopped")
        assert running.processes(), "they outlive their supervisor"
        if command == "up":
            running.up()
            assert running.status()["state"] == "running"
        else:
            assert running.call("down").returncode == 0
            assert running.processes() == []
        assert not [process for process in left if _runs(process)]


class TestForeground:
    @pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
    def test_it_leaves_nothing_behind(self, stopped: Installation, name: str) -> None:
        process = stopped.start("up", "--json")
        printed = report(process)
        process.send_signal(getattr(signal, name))
        _, errors = process.communicate(timeout=PATIENCE)
        eventually(lambda: not stopped.processes(), within=120)
        if name != "SIGKILL":
            assert process.returncode == 0, errors
            assert json.loads(printed)["state"] == "running"

    def test_a_signal_in_the_middle_of_the_start_leaves_nothing_behind(self, stopped: Installation) -> None:
        process = stopped.start("up", "--json")
        eventually(lambda: stopped.status()["state"] == "starting", within=PATIENCE, every=0)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert stopped.processes() == []

    def test_down_elsewhere_ends_it(self, stopped: Installation) -> None:
        process = stopped.start("up", "--json")
        eventually(lambda: stopped.status()["url"], within=PATIENCE)
        assert stopped.call("down").returncode == 0
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0


class TestRefusals:
    def test_a_taken_port_is_named_and_nothing_stays(self, stopped: Installation) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = stopped.call("up", "--detach", "--port", str(port))
        assert done.returncode == 1
        assert f"port {port} is in use" in done.stderr
        assert "Traceback" not in done.stderr
        assert stopped.processes() == []

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("NOMAFLOW_DATABASE_URL", "mysql://x/y", "NOMAFLOW_DATABASE_URL must begin with postgresql://"),
            ("NOMAFLOW_DATABASE_URL", "postgresql://h:port/x", "NOMAFLOW_DATABASE_URL is not a URL"),
            ("NOMAFLOW_DATABASE_URL", "postgresql://127.0.0.1:1/x", "the database does not answer"),
            ("NOMAFLOW_BROKER_URL", "amqp://x", "NOMAFLOW_BROKER_URL must begin with redis://"),
            ("NOMAFLOW_LEASE_SECONDS", "soon", "NOMAFLOW_LEASE_SECONDS must be a whole number"),
        ],
    )
    def test_a_wrong_setting_stops_the_start_with_its_name(
        self, stopped: Installation, name: str, value: str, words: str
    ) -> None:
        done = stopped.call("up", "--detach", **{name: value})
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
        assert stopped.processes() == []

    def test_wrong_usage_ends_with_two(self, stopped: Installation) -> None:
        for words in (["--port", "none"], ["--workers", "0"], ["--nonsense"], ["extra"]):
            assert stopped.call("up", *words).returncode == 2, words


def test_servers_named_by_url_are_used() -> None:
    with embedded.servers(fsync=False) as urls, installation() as found:
        found.up(NOMAFLOW_DATABASE_URL=urls.database, NOMAFLOW_BROKER_URL=urls.broker)
        assert {each["name"] for each in found.status()["processes"]} == {"web", "worker", "beat"}
        assert not (found.home / "postgres").exists()
        assert found.call("down").returncode == 0


def test_without_the_package_index_there_are_no_samples_and_it_says_so() -> None:
    with installation(samples=True, PIP_INDEX_URL="http://127.0.0.1:1/", PIP_NO_INDEX="1") as found:
        done = found.call("up", "--detach", PIP_CONFIG_FILE=os.devnull, PIP_EXTRA_INDEX_URL="")
        assert done.returncode == 0, done.stderr
        assert "no samples: " in done.stderr
        assert found.status()["state"] == "running"
        assert found.json("job", "list") == {"jobs": []}


def report(process: subprocess.Popen[str]) -> str:
    """What a foreground `up --json` prints when it runs."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if line == "}\n":
            return printed
    raise AssertionError(f"up ended: {printed}{process.communicate()[1]}")


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
