"""`nomaflow up`, `status` and `down` as an operator uses them: real processes in a home of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from nomaflow import embedded
from nomaflow.home import CHECKOUT
from nomaflow.supervision import MARK
from tests.eventually import eventually

PATIENCE = 240  # seconds for one command


@dataclass
class Installation:
    """One home and the commands against it, free of the environment the tests themselves run in."""

    home: Path

    def command(self, *words: str) -> dict[str, Any]:
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("NOMAFLOW_", "DJANGO_"))
        }
        return {
            "args": [sys.executable, "-m", "nomaflow", *words],
            "cwd": CHECKOUT,
            "env": env | {"NOMAFLOW_HOME": str(self.home), "PYTHONUNBUFFERED": "1"},
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
        }

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(**self.command(*words), timeout=PATIENCE)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(**self.command(*words))

    def up(self, *words: str) -> dict[str, Any]:
        done = self.call("up", "--detach", "--json", *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def status(self) -> dict[str, Any]:
        return json.loads(self.call("status", "--json").stdout)

    def pid(self, name: str) -> int:
        return next(each["pid"] for each in self.status()["processes"] if each["name"] == name)

    def processes(self) -> list[str]:
        """What runs for this home, by its mark or its data folder."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                line = " ".join(process.cmdline())
                if process.environ().get(MARK) == str(self.home) or str(self.home / "postgres") in line:
                    found.append(line)
        return found


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with odd characters in its path, open to the servers' account."""
    base = Path(tempfile.mkdtemp(prefix="nf up 100% #1 ;"))
    base.chmod(0o711)
    yield base
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def installation(folder: Path) -> Iterator[Installation]:
    found = Installation(folder / "home")
    found.home.mkdir(mode=0o711)
    # The samples have a test of their own; here they would only need the network.
    (found.home / "samples-loaded").touch()
    yield found
    found.call("down")
    assert found.processes() == []


def fetch(url: str) -> int:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        return answer.status


def test_up_twice_then_down(installation: Installation) -> None:
    first = installation.up()
    assert fetch(f"{first['url']}healthz") == 200
    assert first["user"] == "admin"
    assert first["password"] in (installation.home / "first-login").read_text()
    assert (installation.home / "first-login").stat().st_mode & 0o777 == 0o600

    again = installation.up()
    assert again == first | {"already_running": True}
    assert installation.call("status").returncode == 0

    assert installation.call("down").returncode == 0
    assert installation.processes() == []
    assert installation.status()["state"] == "stopped"
    assert installation.call("status").returncode == 1
    assert "not running" in installation.call("down").stdout

    assert installation.up()["password"] == first["password"], "data and login outlive a stop"


def test_two_homes_run_side_by_side(installation: Installation, folder: Path) -> None:
    other = Installation(folder / "other")
    shutil.copytree(installation.home, other.home)
    try:
        urls = {installation.up()["url"], other.up()["url"]}
        assert len(urls) == 2
        assert [fetch(f"{url}healthz") for url in urls] == [200, 200]
    finally:
        other.call("down")
    assert other.processes() == []
    assert installation.status()["url"] in urls


@pytest.mark.parametrize("name", ["postgres", "valkey", "web", "worker", "beat"])
def test_what_dies_is_started_again(installation: Installation, name: str) -> None:
    url = installation.up()["url"]
    before = installation.pid(name)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: installation.pid(name) not in (before, None), within=60)
    eventually(lambda: installation.status()["state"] == "running", within=60)
    eventually(lambda: _answers(url), within=60)


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError):
        return fetch(f"{url}healthz") == 200
    return False


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_the_foreground_form_leaves_nothing_behind(installation: Installation, name: str) -> None:
    process = installation.start("up", "--json")
    assert process.stdout is not None
    printed = "".join(iter(process.stdout.readline, "}\n")) + "}"
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=PATIENCE)
    eventually(lambda: not installation.processes(), within=90)
    if name != "SIGKILL":
        assert process.returncode == 0, errors
        assert json.loads(printed)["state"] == "running"


def test_down_ends_a_foreground_up_elsewhere(installation: Installation) -> None:
    process = installation.start("up", "--json")
    eventually(lambda: installation.status()["url"], within=PATIENCE)
    assert installation.call("down").returncode == 0
    assert process.wait(timeout=60) == 0
    process.communicate()


def test_what_a_killed_supervisor_left_is_ended_by_the_next_up(installation: Installation) -> None:
    installation.up()
    (supervisor,) = {psutil.Process(installation.pid(name)).ppid() for name in ("web", "postgres")}
    left = psutil.Process(supervisor).children(recursive=True)
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: installation.status()["state"] == "stopped")
    assert installation.processes(), "they outlive their supervisor"
    installation.up()
    assert not [process for process in left if process.is_running() and process.status() != "zombie"]
    assert installation.status()["state"] == "running"


def test_what_a_killed_supervisor_left_is_ended_by_down(installation: Installation) -> None:
    installation.up()
    os.kill(psutil.Process(installation.pid("web")).ppid(), signal.SIGKILL)
    assert installation.call("down").returncode == 0
    assert installation.processes() == []


def test_a_taken_port_is_named_and_nothing_stays(installation: Installation) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = installation.call("up", "--detach", "--port", str(port))
    assert done.returncode == 1
    assert f"port {port} is in use" in done.stderr
    assert "Traceback" not in done.stderr
    assert installation.processes() == []


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
    installation: Installation, name: str, value: str, words: str
) -> None:
    command = installation.command("up", "--detach")
    command["env"][name] = value
    done = subprocess.run(**command, timeout=PATIENCE)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert installation.processes() == []


def test_servers_named_by_url_are_used(installation: Installation) -> None:
    with embedded.servers(fsync=False) as urls:
        command = installation.command("up", "--detach", "--json")
        command["env"] |= {"NOMAFLOW_DATABASE_URL": urls.database, "NOMAFLOW_BROKER_URL": urls.broker}
        done = subprocess.run(**command, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        assert {each["name"] for each in installation.status()["processes"]} == {"web", "worker", "beat"}
        assert not (installation.home / "postgres").exists()
        assert installation.call("down").returncode == 0


@pytest.mark.parametrize("words", [["--port", "none"], ["--workers", "0"], ["--nonsense"], ["extra"]])
def test_wrong_usage_ends_with_two(installation: Installation, words: list[str]) -> None:
    assert installation.call("up", *words).returncode == 2
