"""An installation of one's own, driven by the commands an operator types."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from nomaflow.home import CHECKOUT
from nomaflow.supervision import MARK

PATIENCE = 280  # seconds for one command


@dataclass
class Installation:
    """One home and the commands against it, free of the environment the tests themselves run in."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)

    def command(self, *words: str, **settings: str) -> dict[str, Any]:
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("NOMAFLOW_", "DJANGO_"))
        }
        own = {"NOMAFLOW_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}
        return {
            "args": [sys.executable, "-m", "nomaflow", *words],
            "cwd": CHECKOUT,
            "env": env | own | self.settings | settings,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
        }

    def call(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(**self.command(*words, **settings), timeout=PATIENCE)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(**self.command(*words))

    def json(self, *words: str, code: int = 0) -> Any:
        done = self.call(*words, "--json")
        assert done.returncode == code, done.stderr + done.stdout
        return json.loads(done.stdout)

    def up(self, *words: str, **settings: str) -> dict[str, Any]:
        done = self.call("up", "--detach", "--json", *words, **settings)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def status(self) -> dict[str, Any]:
        return json.loads(self.call("status", "--json").stdout)

    def pid(self, name: str) -> int | None:
        return next((each["pid"] for each in self.status()["processes"] if each["name"] == name), None)

    def supervisor(self) -> int:
        web = self.pid("web")
        assert web is not None
        return psutil.Process(web).ppid()

    def celery(self) -> psutil.Process:
        """The main process of the Celery worker, below its warden."""
        warden = self.pid("worker")
        assert warden is not None
        (main,) = psutil.Process(warden).children()
        return main

    def processes(self) -> list[str]:
        """What runs for this home, by its mark or its data folder."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                line = " ".join(process.cmdline())
                if process.environ().get(MARK) == str(self.home) or str(self.home / "postgres") in line:
                    found.append(line)
        return found


@contextlib.contextmanager
def installation(*, samples: bool = False, **settings: str) -> Iterator[Installation]:
    """A home in a folder with odd characters; stopped and gone on exit. Without samples it needs no network."""
    base = Path(tempfile.mkdtemp(prefix="nf up 100% #1 ;"))
    base.chmod(0o711)  # root's servers run as another user
    found = Installation(base / "home", settings)
    found.home.mkdir(mode=0o711)
    if not samples:
        (found.home / "samples-loaded").touch()
    try:
        yield found
        found.call("down")
        assert found.processes() == []
    finally:
        found.call("down")
        shutil.rmtree(base, ignore_errors=True)


def fetch(url: str) -> int:
    """The status of a page, asked without the machine's proxy."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        return answer.status
