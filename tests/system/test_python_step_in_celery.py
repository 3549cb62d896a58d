"""Python steps inside a real Celery prefork worker, which the standard library's forkserver cannot serve."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.python_execution import eventually, write_plugin
from tests.workers.test_step_process import WRITE_PID, alive, pids

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    return tmp_path / "plugins"


@pytest.fixture
def worker(plugins: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "celery", "-A", "tests.system.celery_probe", "worker", "-P", "prefork"]
    process = subprocess.Popen(
        [*command, "-c", "1", "--without-gossip", "--without-mingle", "-l", "WARNING"],
        cwd=ROOT,
        env=dict(os.environ, NOMAFLOW_PLUGINS_DIR=str(plugins)),
        start_new_session=True,
    )
    yield process
    process.terminate()
    process.wait(30)


def send(callable_: str, answer: Path, **params: object) -> None:
    from tests.system.celery_probe import app, probe

    with app.connection_for_write() as connection:
        probe.apply_async((callable_, params, str(answer)), connection=connection)


def test_steps_run_and_end_with_their_worker(worker, plugins, tmp_path):
    write_plugin(
        plugins,
        WRITE_PID
        + """
def quick(ctx, n):
    print("from the step")
    return {"n": n, "argv": sys.argv}
def slow(ctx, folder):
    write_pid(folder, "pool", os.getppid())
    write_pid(folder, "grandchild", subprocess.Popen(["sleep", "600"]).pid)
    write_pid(folder)
    while True: pass
""",
    )
    send("plug:quick", tmp_path / "answer", n=4)
    eventually((tmp_path / "answer").exists, within=60)
    told = json.loads((tmp_path / "answer").read_text())
    assert (told["output"]["n"], told["error"], told["lines"]) == (4, "None", ["from the step"])

    send("plug:slow", tmp_path / "never", folder=str(tmp_path))
    server, grandchild, step = pids(tmp_path, "pool", "grandchild", "step")
    pool_child = int(Path(f"/proc/{server}/stat").read_text().rsplit(")", 1)[1].split()[1])
    os.kill(pool_child, signal.SIGKILL)
    eventually(lambda: not any(alive(pid) for pid in (server, step, grandchild)))
