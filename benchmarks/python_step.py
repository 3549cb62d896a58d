"""What a python step costs before and after the user's code, beside a bare fork and a fresh interpreter.

Run from the repository's root: ``python -m benchmarks.python_step``.
"""

from __future__ import annotations

import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workers.step_process import ForkServer, StepProcess

PLUGIN = """
import time
def tick(ctx):
    return {"at": time.monotonic()}
def flood(ctx, lines):
    for number in range(lines):
        print("line", number, "of a flood that fills the log as quickly as it can")
"""
ROUNDS, LINES = 40, 100_000


def measure() -> list[dict[str, Any]]:
    """Medians of interleaved rounds; ``limit`` is the promise."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "plug.py").write_text(PLUGIN)
        server = ForkServer()
        try:
            started = time.monotonic()
            _step(server, folder, "tick")
            first = time.monotonic() - started
            to_code, whole, bare, fresh = zip(*(_round(server, folder) for _ in range(ROUNDS)), strict=True)
            rate = _flood(server, folder)
        finally:
            server.close()
    return [
        _row("python step, first of a worker", first * 1000, "ms"),
        _row("python step, call to user code", _median(to_code), "ms", limit=15.0),
        _row("python step, whole", _median(whole), "ms", ratio=_median(fresh) / _median(whole)),
        _row("fork and wait, bare", _median(bare), "ms"),
        _row("fresh interpreter, whole", _median(fresh), "ms"),
        _row("python step, printed lines", rate, "lines/s", limit=None),
    ]


def _row(
    name: str, value: float, unit: str, *, limit: float | None = None, ratio: float | None = None
) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "limit": limit, "ratio": ratio}


def _round(server: ForkServer, folder: str) -> tuple[float, float, float, float]:
    started = time.monotonic()
    at = _step(server, folder, "tick")["at"]
    whole = time.monotonic() - started
    return at - started, whole, _timed(_fork), _timed(_interpreter)


def _median(seconds: tuple[float, ...]) -> float:
    return statistics.median(seconds) * 1000


def _timed(action: Callable[[], object]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _interpreter() -> None:
    subprocess.run([sys.executable, "-c", "import json, asyncio, logging"], check=True)


def _flood(server: ForkServer, folder: str) -> float:
    return LINES / _timed(lambda: _step(server, folder, "flood", lines=LINES))


def _step(server: ForkServer, folder: str, function: str, **params: Any) -> dict[str, Any]:
    log = logging.Logger("benchmark", logging.INFO)
    log.addHandler(logging.NullHandler())
    order = dict(
        dict.fromkeys(("job_id", "run_id", "session_user", "step", "tag"), "benchmark"),
        module="plug",
        function=function,
        path=f"{folder}/plug.py",
        plugins_dir=folder,
        memory_limit_mb=1024,
        logger="benchmark",
        level=logging.INFO,
        attempt=1,
        params=params,
        previous_step=None,
    )
    with StepProcess(server, order, log=log, connector_config=lambda _: {}, grace=10) as process:
        return process.wait().result()


if __name__ == "__main__":
    for row in measure():
        print(f"{row['name']:36} {row['value']:12,.1f} {row['unit']:8} {row['limit']} {row['ratio']}")
