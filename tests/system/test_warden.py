"""The warden over real processes: what dies is started again, what is left behind is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.eventually import eventually

# The worker writes its pid and that of a child which moved to a session of its own.
ORPHANING = """
    import os, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    print(os.getpid(), child.pid, file=open(sys.argv[1], "a", buffering=1))
    time.sleep(600)
"""
DRAINING = """
    import os, signal, sys, time
    def finish(*_):
        time.sleep(1)
        print("finished", file=open(sys.argv[1], "a"))
        sys.exit(0)
    signal.signal(signal.SIGTERM, finish)
    print(os.getpid(), 0, file=open(sys.argv[1], "a"))
    while True:
        time.sleep(600)
"""
STUBBORN = """
    import os, signal, sys, time
    for name in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    print(os.getpid(), 0, file=open(sys.argv[1], "a"))
    time.sleep(600)
"""
WARDEN = """
    import sys
    from workers.warden import Warden
    sys.exit(Warden([sys.executable, *sys.argv[2:]], drain=float(sys.argv[1])).run())
"""

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.fixture
def warden(notes: Path) -> Iterator[Start]:
    started = []

    def start(worker: str, *, drain: float = 20) -> subprocess.Popen[bytes]:
        argv = ["-c", textwrap.dedent(WARDEN), str(drain), "-c", textwrap.dedent(worker), str(notes)]
        process = subprocess.Popen([sys.executable, *argv])
        started.append(process)
        return process

    yield start
    for process in started:
        for left in [*_descendants(process.pid), process]:
            left.kill()
        process.wait()
    for line in _lines(notes):
        _end(int(line[0]))


def _descendants(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True) if psutil.pid_exists(pid) else []


def _lines(notes: Path) -> list[list[str]]:
    text = notes.read_text() if notes.exists() else ""
    return [line.split() for line in text.splitlines() if line[0].isdigit()]


def _gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def _end(pid: int) -> None:
    if not _gone(pid):
        os.kill(pid, signal.SIGKILL)


def test_a_killed_worker_is_started_again_and_its_orphans_end(warden: Start, notes: Path) -> None:
    process = warden(ORPHANING)
    ((worker, child),) = eventually(lambda: _lines(notes))
    os.kill(int(worker), signal.SIGKILL)
    eventually(lambda: _gone(int(child)))
    second = eventually(lambda: _lines(notes)[1:])[0][0]
    assert process.poll() is None
    assert {child.pid for child in psutil.Process(process.pid).children()} == {int(second)}, (
        "the dead are reaped"
    )


def test_sigterm_lets_running_work_finish(warden: Start, notes: Path) -> None:
    process = warden(DRAINING)
    eventually(lambda: _lines(notes))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert notes.read_text().splitlines()[-1] == "finished"
    assert len(_lines(notes)) == 1, "it is not started again"


def test_a_worker_that_ignores_everything_is_killed_after_the_drain(warden: Start, notes: Path) -> None:
    process = warden(STUBBORN, drain=0.5)
    ((worker, _),) = eventually(lambda: _lines(notes))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert _gone(int(worker))


def test_stopping_ends_what_the_worker_leaves_behind(warden: Start, notes: Path) -> None:
    process = warden(ORPHANING)
    ((worker, child),) = eventually(lambda: _lines(notes))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    eventually(lambda: _gone(int(worker)) and _gone(int(child)))


def test_a_second_sigterm_hurries(warden: Start, notes: Path) -> None:
    process = warden(STUBBORN, drain=600)
    eventually(lambda: _lines(notes))
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        eventually(lambda: not signal.SIGTERM & _pending(process.pid))
    assert process.wait(timeout=60) == 0


def _pending(pid: int) -> int:
    """The signals the process was sent and has not taken, as a mask shifted to signal numbers."""
    status = Path(f"/proc/{pid}/status").read_text() if psutil.pid_exists(pid) else "ShdPnd: 0"
    mask = int(next(line.split()[1] for line in status.splitlines() if line.startswith("ShdPnd")), 16)
    return signal.SIGTERM if mask >> (signal.SIGTERM - 1) & 1 else 0


def test_a_killed_warden_takes_its_worker_along(warden: Start, notes: Path) -> None:
    process = warden(DRAINING)
    ((worker, _),) = eventually(lambda: _lines(notes))
    process.kill()
    eventually(lambda: _gone(int(worker)))
    assert notes.read_text().splitlines()[-1] == "finished", "and lets it finish"
