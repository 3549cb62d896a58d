"""Keep an installation's processes running: a supervisord of its own, driven through its private socket.

supervisord restarts what dies, rotates the logs in ``NOMAFLOW_HOME/logs`` and stops everything in order.
Every process carries ``NOMAFLOW_SUPERVISED=<home>`` in its environment, so that what a killed supervisord
left behind is found and ended by the next ``up`` or ``down``.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from nomaflow.embedded import die_with_parent, environment
from nomaflow.home import CHECKOUT, Home
from workers import pulse

MARK = "NOMAFLOW_SUPERVISED"
PULSING = ("worker", "beat")
"""Programs that give signs of life in a file of the run folder."""
SILENCE = 30.0  # seconds without a sign after which a process counts as silent
LOG_BYTES = "10MB"
LOG_BACKUPS = 3


class SupervisionError(Exception):
    """A process did not start or stop; the message says which and where to look."""


@dataclass(frozen=True)
class Supervised:
    """One program. ``priority`` orders the stop: the highest goes first."""

    name: str
    argv: tuple[str, ...]
    priority: int
    count: int = 1
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: int = 15
    user: str = ""
    directory: str = ""
    clean: bool = False  # True: without the caller's environment (servers need none of it)
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def members(self) -> list[str]:
        """supervisord's names of its processes."""
        if self.count == 1:
            return [self.name]
        return [f"{self.name}:{self.name}_{number:02d}" for number in range(self.count)]


def section(program: Supervised, *, home: Path) -> str:
    """The program's part of supervisord's configuration."""
    argv = program.argv
    if program.clean:
        bare = {**environment(), MARK: str(home)}
        argv = ("/usr/bin/env", "-i", *(f"{name}={value}" for name, value in bare.items()), *argv)
    name = program.name if program.count == 1 else "%(program_name)s_%(process_num)02d"
    lines = {
        "command": " ".join(quoted(word) for word in argv),
        "priority": program.priority,
        "autostart": "false",
        "autorestart": "true",
        "startsecs": 1,
        "startretries": 1000,
        "stopsignal": program.stop_signal.name.removeprefix("SIG"),
        "stopwaitsecs": program.stop_seconds,
        "killasgroup": "true",
        "stdout_logfile": f"%(here)s/logs/{name}.log",
        "stdout_logfile_maxbytes": LOG_BYTES,
        "stdout_logfile_backups": LOG_BACKUPS,
        "redirect_stderr": "true",
        **program.extra,
    }
    if program.count > 1:
        lines |= {"numprocs": program.count, "process_name": name}
    if program.name in PULSING:
        lines["environment"] = f'{pulse.VARIABLE}="%(here)s/pulse-{name}"'
    if program.user:
        lines["user"] = program.user
    if program.directory:
        lines["directory"] = program.directory
    return "\n".join([f"[program:{program.name}]", *(f"{key}={value}" for key, value in lines.items()), ""])


def quoted(word: str) -> str:
    r"""One word of a command in supervisord's syntax: shell quoting, ``%`` doubled, no comment begun.

    >>> quoted("/my 100% #1 flow")
    "'/my 100%% ''#1 flow'"
    """
    return shlex.quote(word).replace("%", "%%").replace(" #", " ''#").replace(" ;", " '';")


class Supervisor:
    """The supervisord of one home and run folder. Nothing runs before :meth:`start`."""

    def __init__(self, home: Home, run: Path) -> None:
        self.home = home
        self.run = run
        self.socket = run / "supervisor.sock"

    def configure(self, programs: Iterable[Supervised]) -> None:
        """Write the configuration. Paths that may hold odd characters are reached through the run folder."""
        logs = self.run / "logs"
        logs.unlink(missing_ok=True)
        logs.symlink_to(self.home.logs)
        account = "user=root\n" if os.geteuid() == 0 else ""
        head = (
            f"[supervisord]\nnodaemon=true\nsilent=true\numask=077\n{account}"
            "logfile=%(here)s/logs/supervisord.log\nlogfile_maxbytes=1MB\nlogfile_backups=1\n"
            "pidfile=%(here)s/supervisord.pid\n\n"
            "[unix_http_server]\nfile=%(here)s/supervisor.sock\nchmod=0700\n\n"
            "[rpcinterface:supervisor]\n"
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\n"
        )
        body = "\n".join(section(program, home=self.home.path) for program in programs)
        (self.run / "supervisord.conf").write_text(head + body)

    def start(self, *, with_parent: bool) -> subprocess.Popen[bytes]:
        """Start supervisord; ``with_parent``: it stops everything when this process dies in any way."""
        inherited = {**os.environ, "NOMAFLOW_HOME": str(self.home.path), MARK: str(self.home.path)}
        inherited["PYTHONUNBUFFERED"] = "1"
        with (self.home.logs / "supervisord.out").open("wb") as out:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", f"{self.run}/supervisord.conf"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=CHECKOUT, env=inherited,
                start_new_session=True,  # Ctrl-C reaches this process only, which then stops things in order
                preexec_fn=die_with_parent(signal.SIGTERM) if with_parent else None,
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while not self.alive():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SupervisionError(
                    f"supervisord did not start: {tail(self.home.logs / 'supervisord.out')}"
                )
            time.sleep(0.05)
        return process

    @contextlib.contextmanager
    def rpc(self) -> Iterator[Any]:
        """supervisord's own remote interface. Raises OSError when it is not there."""
        transport = SupervisorTransport(None, None, serverurl=f"unix://{self.socket}")
        try:
            yield ServerProxy("http://127.0.0.1", transport=transport).supervisor
        finally:
            transport.close()

    def alive(self) -> bool:
        with contextlib.suppress(OSError, Fault), self.rpc() as rpc:
            return bool(rpc.getState()["statename"] in ("RUNNING", "RESTARTING"))
        return False

    def processes(self) -> list[dict[str, Any]]:
        """Name, state, pid and uptime (s) of each process; empty when supervisord is not there.

        States are supervisord's, in lower case; `starting` until the first sign of life, `silent` when the
        last one is long ago.
        """
        try:
            with self.rpc() as rpc:
                found = rpc.getAllProcessInfo()
        except (OSError, Fault):
            return []
        return [
            {
                "name": each["name"],
                "state": self.state(each["name"], each["statename"].lower()),
                "pid": each["pid"] or None,
                "uptime_s": max(0, each["now"] - each["start"]) if each["pid"] else None,
            }
            for each in found
        ]

    def state(self, name: str, supervised: str) -> str:
        """What the process's own sign of life makes of supervisord's opinion."""
        if supervised != "running" or name.partition("_")[0] not in PULSING:
            return supervised
        try:
            age = time.time() - (self.run / f"pulse-{name}").stat().st_mtime
        except FileNotFoundError:
            return "starting"
        return "running" if age < SILENCE else "silent"

    def add(self, program: Supervised) -> None:
        """Take up a program that was configured since the start, and start it."""
        with self.rpc() as rpc:
            rpc.reloadConfig()
            rpc.addProcessGroup(program.name)
        self.launch(program)

    def remove(self, program: Supervised) -> None:
        with self.rpc() as rpc:
            rpc.stopProcessGroup(program.name)
            rpc.removeProcessGroup(program.name)

    def launch(self, program: Supervised) -> None:
        """Ask for the program's processes; :meth:`check` tells how they fare."""
        with self.rpc() as rpc:
            for member in program.members:
                rpc.startProcess(member, False)

    def check(self, program: Supervised) -> None:
        """Raise SupervisionError with the end of the log when a process of this program died early."""
        states = {each["name"]: each["state"] for each in self.processes()}
        for member in program.members:
            name = member.rpartition(":")[2]
            if states.get(name) not in ("starting", "running"):
                raise SupervisionError(
                    f"{name} did not start ({states.get(name, 'supervisord is gone')}); the end of "
                    f"{self.home.logs / name}.log says: {tail(self.home.logs / f'{name}.log')}"
                )

    def stop(self, *, within: float = 120.0) -> None:
        """Stop every process, highest priority first, then supervisord itself; returns when they are gone."""
        pid = self.pid()
        with contextlib.suppress(OSError, Fault), self.rpc() as rpc:
            rpc.shutdown()
        with contextlib.suppress(psutil.Error):
            if pid:
                psutil.Process(pid).wait(timeout=within)

    def pid(self) -> int | None:
        try:
            with self.rpc() as rpc:
                return int(rpc.getPID())
        except (OSError, Fault):
            return None


def tail(path: Path, *, lines: int = 3) -> str:
    """The last lines of a log, on one line."""
    try:
        found = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return "(no log)"
    return " / ".join(found[-lines:])[-800:] or "(nothing)"


def leftovers(home: Home) -> list[psutil.Process]:
    """This home's processes that no living supervisord answers for, each with its mark or its data folder."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid not in own and process.environ().get(MARK) == str(home.path):
                found[process.pid] = process
    postmaster = _postmaster(home)
    if postmaster:
        found[postmaster.pid] = postmaster
    return list(found.values())


def _postmaster(home: Home) -> psutil.Process | None:
    cluster = Path(home.state().get("data", home.path)) / "postgres"
    with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int((cluster / "postmaster.pid").read_text().splitlines()[0]))
        if str(cluster) in process.cmdline():
            return process
    return None


def end_leftovers(home: Home, *, patience: float = 15.0) -> int:
    """End what is left of earlier starts, servers last; returns how many processes there were."""
    found = leftovers(home)
    servers = {process.pid for process in found if _is_server(process)}
    _end([process for process in found if process.pid not in servers], patience=patience)
    # Asked again: what died may have left children of its own.
    rest = leftovers(home)
    _end([process for process in rest if not _is_server(process)], patience=0)
    _end([process for process in rest if _is_server(process)], patience=30, how=signal.SIGINT)
    return len(found)


def _is_server(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.name() in ("postgres", "valkey-server")
    return False


def _end(processes: list[psutil.Process], *, patience: float, how: signal.Signals = signal.SIGTERM) -> None:
    """Signal the topmost (a parent sees to its children), wait, then kill all that is left."""
    pids = {process.pid for process in processes}
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if patience and process.ppid() not in pids:
                process.send_signal(how)
    for process in _alive(processes, within=patience):
        with contextlib.suppress(psutil.Error):
            process.kill()
    _alive(processes, within=10)


def _alive(processes: list[psutil.Process], *, within: float) -> list[psutil.Process]:
    """Those that still run after that time (s), sooner when none does. One nobody reaps is dead all the same."""
    deadline = time.monotonic() + within
    while left := [process for process in processes if _runs(process)]:
        if time.monotonic() >= deadline:
            return left
        time.sleep(0.05)
    return []


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def remove_run_folder(run: str) -> None:
    """Remove the sockets' folder of an earlier start; only a folder this project made."""
    folder = Path(run)
    if run and folder.name.startswith("nf-") and (folder / "supervisord.conf").exists():
        shutil.rmtree(folder, ignore_errors=True)
