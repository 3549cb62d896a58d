"""Bring one installation up and down: servers, database, pages, first user, samples, processes.

Everything here is told to a ``Progress`` as it happens, and undone when it fails half-way.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psutil

from nomaflow import embedded
from nomaflow.home import Home
from nomaflow.supervision import (
    Supervised,
    SupervisionError,
    Supervisor,
    end_leftovers,
    remove_run_folder,
    tail,
)

FIRST_PORT = 8000
READY_TIMEOUT = 120.0  # seconds until web must answer /readyz, worker and beat give their first sign of life
DATABASE, BROKER = "NOMAFLOW_DATABASE_URL", "NOMAFLOW_BROKER_URL"


class Progress(Protocol):
    def say(self, text: str) -> None: ...
    def step(self, text: str) -> contextlib.AbstractContextManager[None]: ...


@dataclass(frozen=True)
class Wish:
    """What ``nomaflow up`` was asked for. ``port`` 0 means the first free one from 8000."""

    host: str = "127.0.0.1"
    port: int = 0
    workers: int = 1
    detach: bool = False


@dataclass(frozen=True)
class Started:
    """A running installation. ``supervisord`` is this process's child, None when it ran before."""

    state: dict[str, Any]
    supervisord: subprocess.Popen[bytes] | None


def supervisor_of(home: Home) -> Supervisor | None:
    """The living supervisor of this home, or None."""
    run = home.state().get("run")
    found = Supervisor(home, Path(run)) if run else None
    return found if found and found.alive() else None


def bring_up(home: Home, wish: Wish, progress: Progress) -> Started:
    """Start the installation, or find it running. The caller holds the home's lock.

    Raises HomeError, EmbeddedError, SupervisionError or Django's own errors; nothing runs on then.
    """
    if supervisor_of(home):
        if home.state().get("url"):
            return Started(home.state(), None)
        bring_down(home, progress)  # a start that was cut short
    clean(home, progress)
    start = _Start(home, wish, progress)
    try:
        return start.run()
    except BaseException:
        start.undo()
        raise


def bring_down(home: Home, progress: Progress) -> bool:
    """Stop everything; True when something ran. The caller holds the home's lock."""
    supervisor = supervisor_of(home)
    if supervisor:
        with progress.step("Stopping (running jobs have a moment to finish)"):
            try:
                supervisor.stop()
            except KeyboardInterrupt:  # a second Ctrl-C: now, not in a moment
                end_leftovers(home, patience=0)
    return clean(home, progress) > 0 or supervisor is not None


def clean(home: Home, progress: Progress) -> int:
    """End what an earlier start left behind and forget where it was; returns how many processes there were."""
    ended = end_leftovers(home)
    if ended:
        progress.say(f"  Ended {ended} processes that an earlier start left behind")
    state = home.state()
    remove_run_folder(state.get("run", ""))
    if state:
        home.write_state({name: state[name] for name in ("data",) if name in state})
    return ended


def status(home: Home) -> dict[str, Any]:
    """``state`` (``starting``, ``running``, ``degraded`` or ``stopped``), address and processes."""
    supervisor = supervisor_of(home)
    processes = supervisor.processes() if supervisor else []
    state = home.state() if supervisor else {}
    for each in processes:
        if each["name"] == "web" and each["state"] == "running" and state.get("url"):
            each["state"] = "running" if health(state["url"]) == "200" else "unready"
    well = all(each["state"] == "running" for each in processes)
    if not processes:
        word = "stopped"
    elif not state.get("url"):
        word = "starting"
    else:
        word = "running" if well else "degraded"
    return {
        "state": word,
        "home": str(home.path),
        "url": state.get("url"),
        "started_at": state.get("started_at"),
        "processes": processes,
    }


class _Start:
    """One attempt to start; remembers what :meth:`undo` has to stop."""

    def __init__(self, home: Home, wish: Wish, progress: Progress) -> None:
        self.home = home
        self.wish = wish
        self.progress = progress
        self.own_database = not os.environ.get(DATABASE)
        self.own_broker = not os.environ.get(BROKER)
        self.keys = home.keys(create=True)
        if self.own_database or self.own_broker:
            self.place = embedded.place(home.path)
        else:
            self.place = embedded.Place(home.path, home.path, embedded.run_folder(None), None)
        self.supervisor = Supervisor(home, self.place.run)
        self.supervisord: subprocess.Popen[bytes] | None = None
        self.programs: list[Supervised] = []

    def run(self) -> Started:
        self.ports()  # a wish that cannot be met is refused before anything starts
        self.home.write_state({"run": str(self.place.run), "data": str(self.place.data)})
        self.start_servers()
        urls = self.record()
        self.prepare(urls)
        url = self.start_processes()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        state = self.home.state() | {"url": url, "started_at": now}
        self.home.write_state(state)
        return Started(state, self.supervisord)

    def start_servers(self) -> None:
        """supervisord, and those of PostgreSQL and Valkey that no URL names."""
        wanted = [name for name, own in (("postgres", self.own_database), ("valkey", self.own_broker)) if own]
        servers = []
        if wanted:
            if self.own_database and not self.place.cluster.exists():
                self.progress.say(f"  New installation in {self.home.path}")
            with self.progress.step("Preparing the servers' data"):
                embedded.initialise(self.place, self.keys)
            servers = [each for each in embedded.programs(self.place) if each.name in wanted]
        self.programs = [self.server(each, priority) for priority, each in enumerate(servers, 10)]
        self.supervisor.configure(self.programs)
        self.supervisord = self.supervisor.start(with_parent=not self.wish.detach)
        for program, server in zip(self.programs, servers, strict=True):
            with self.progress.step(f"Starting {server.name}"):
                self.supervisor.launch(program)
                self.await_server(program, server)

    def server(self, program: embedded.Program, priority: int) -> Supervised:
        data = self.place.run / "data"
        if not data.is_symlink():
            data.symlink_to(self.place.data)
        return Supervised(
            program.name,
            program.argv,
            priority=priority,
            stop_signal=program.stop_signal,
            stop_seconds=60,
            user=program.account.name if program.account else "",
            directory=str(data),
            clean=True,
        )

    def await_server(self, program: Supervised, server: embedded.Program) -> None:
        deadline = time.monotonic() + embedded.START_TIMEOUT
        while not server.ready():
            self.supervisor.check(program)
            if time.monotonic() > deadline:
                log = self.home.logs / f"{program.name}.log"
                raise SupervisionError(f"{program.name} does not answer; the end of {log} says: {tail(log)}")
            time.sleep(0.02)

    def record(self) -> embedded.Urls:
        """Write the servers' addresses where settings look for them."""
        urls = embedded.urls(self.place, self.keys)
        known = {
            "database": os.environ.get(DATABASE) or urls.database,
            "broker": os.environ.get(BROKER) or urls.broker,
        }
        self.home.write_state(self.home.state() | {"urls": known})
        return urls

    def prepare(self, urls: embedded.Urls) -> None:
        """What needs Django: tables, pages, first user, samples."""
        from nomaflow import firststart

        os.environ["NOMAFLOW_HOME"] = str(self.home.path)
        with self.progress.step("Migrating the database"):
            firststart.migrate()
        with self.progress.step("Building the pages"):
            note = firststart.build_pages()
        if note:
            self.progress.say(f"  Note: {note}")
        firststart.ensure_first_user(self.home)
        if self.own_database:
            self.load_samples(urls)

    def load_samples(self, urls: embedded.Urls) -> None:
        from nomaflow import samples

        samples.write_env(self.home, urls, self.keys)
        if samples.loaded(self.home):
            return
        with self.progress.step("Loading the sample data (336,776 flights, once)"):
            note = samples.load(self.home, urls)
        if note:
            self.progress.say(f"  Note: {note}")

    def start_processes(self) -> str:
        """web, worker and beat; returns the URL once the web server answers."""
        python = (sys.executable, "-m", "nomaflow")
        others = [
            Supervised("worker", (*python, "worker"), priority=30, count=self.wish.workers, stop_seconds=50),
            Supervised("beat", (*python, "beat"), priority=50),
        ]
        with self.progress.step("Starting web, worker and beat"):
            for program in others:
                self.add(program)
            for port in self.ports():
                web = Supervised("web", (*python, "web", "--host", self.wish.host, "--port", str(port)), 20)
                self.add(web)
                if self.answers(web, port):
                    break
                self.remove(web)
            self.settle(others)
        return address(self.wish.host, port)

    def settle(self, programs: list[Supervised]) -> None:
        """Wait until all of them work. Raises SupervisionError when one dies or takes too long."""
        deadline = time.monotonic() + READY_TIMEOUT
        while late := [each["name"] for each in self.supervisor.processes() if each["state"] == "starting"]:
            for program in programs:
                self.supervisor.check(program)
            if time.monotonic() > deadline:
                log = self.home.logs / f"{late[0]}.log"
                raise SupervisionError(f"{late[0]} gives no sign of life; the end of {log} says: {tail(log)}")
            time.sleep(0.1)
        for program in programs:
            self.supervisor.check(program)

    def add(self, program: Supervised) -> None:
        self.programs.append(program)
        self.supervisor.configure(self.programs)
        self.supervisor.add(program)

    def remove(self, program: Supervised) -> None:
        self.programs.remove(program)
        self.supervisor.remove(program)
        self.supervisor.configure(self.programs)

    def ports(self) -> list[int]:
        """Ports to try, in order. Raises SupervisionError when the one asked for is taken."""
        if self.wish.port:
            if not free(self.wish.host, self.wish.port):
                raise SupervisionError(
                    f"port {self.wish.port} is in use on {self.wish.host}; choose another with --port."
                )
            return [self.wish.port]
        found = [port for port in range(FIRST_PORT, FIRST_PORT + 200) if free(self.wish.host, port)][:5]
        if not found:
            raise SupervisionError(
                f"no port is free on {self.wish.host} from {FIRST_PORT} on; choose one with --port."
            )
        return found

    def answers(self, web: Supervised, port: int) -> bool:
        """Wait for /readyz; False when another process took the port. Raises SupervisionError."""
        deadline = time.monotonic() + READY_TIMEOUT
        last, wrong = "no answer", 0
        while time.monotonic() < deadline and wrong < 3:
            try:
                self.supervisor.check(web)
            except SupervisionError:
                if not self.wish.port and not free(self.wish.host, port):
                    return False
                raise
            if self.listens(port):
                last = health(address(self.wish.host, port))
                if last == "200":
                    return True
                wrong += last.isdigit() and last != "503"  # a page that fails goes on failing; a wait may end
                time.sleep(0.5)
            time.sleep(0.1)
        log = self.home.logs / "web.log"
        raise SupervisionError(f"web does not answer on /readyz ({last}); the end of {log} says: {tail(log)}")

    def listens(self, port: int) -> bool:
        """Whether it is our own web server that holds the port."""
        pids = [each["pid"] for each in self.supervisor.processes() if each["name"] == "web" and each["pid"]]
        with contextlib.suppress(psutil.Error):
            return any(
                each.laddr.port == port and each.status == psutil.CONN_LISTEN
                for pid in pids
                for each in psutil.Process(pid).net_connections("tcp")
            )
        return False

    def undo(self) -> None:
        """Stop what this attempt started."""
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            if self.supervisord:
                self.supervisor.stop(within=30)
                if self.supervisord.poll() is None:
                    self.supervisord.kill()
                self.supervisord.wait()
            end_leftovers(self.home, patience=2)
            shutil.rmtree(self.place.run, ignore_errors=True)
            self.home.write_state({"data": str(self.place.data)})
        finally:
            signal.signal(signal.SIGINT, previous)


def free(host: str, port: int) -> bool:
    """Whether a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError:
            return False
    return True


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds a server that listens there.

    >>> address("0.0.0.0", 8000), address("::1", 80)
    ('http://127.0.0.1:8000/', 'http://[::1]:80/')
    """
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host and host[0] != '[' else host}:{port}/"


def health(url: str) -> str:
    """The status code of /readyz, or what went wrong."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}readyz", timeout=5) as answer:
            return str(answer.status)
    except OSError as error:
        return str(getattr(error, "code", error))
