"""The process above a Celery worker: starts it, starts it again when it dies, ends what outlives it.

The warden is a child subreaper: whatever a dead worker leaves behind becomes the warden's own child and is
found and killed. It handles every signal in one loop with ``sigtimedwait``, so no handler ever interrupts
anything, and it imports neither Django nor Celery: it stays small and has nothing that could hang.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field

import psutil

from workers import pulse

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
WATCHED = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD}
STEADY = 60.0  # seconds a worker must live for the next restart to be immediate again
LONGEST_PAUSE = 30.0  # seconds between two restarts at most
TELL_SECONDS = 10.0
COLD_SECONDS = 5.0  # between asking the worker to drop its work and killing it

log = logging.getLogger("nomaflow.warden")


def worker_name() -> str:
    """The name this warden's worker is known by, in the record of the runs it takes too."""
    return f"worker-{os.getpid()}@{socket.gethostname()}"


def worker_command(*, pools: str, concurrency: int) -> list[str]:
    """The Celery worker's command line. ``pools`` are queue names, separated by commas."""
    return [
        sys.executable, "-m", "celery", "--app", "workers", "worker", "--pool", "prefork",
        "--queues", pools, "--concurrency", str(concurrency), "--hostname", worker_name(),
        "--without-gossip", "--without-mingle", "--loglevel", "INFO",
    ]  # fmt: skip


@dataclass
class Warden:
    """Watches one worker. ``drain`` is how long (s) running work may take to end after SIGTERM."""

    command: list[str]
    drain: float
    worker: int = 0  # pid; 0 while none runs
    started: float = 0.0
    pause: float = 0.0  # seconds before the next start
    deadlines: list[tuple[float, signal.Signals]] = field(default_factory=list)
    stopping: bool = False
    cut_short: bool = False  # work that was asked to end did not
    _libc: ctypes.CDLL = field(default_factory=lambda: ctypes.CDLL(None, use_errno=True), repr=False)

    def run(self) -> int:
        """Until a stop is asked for and the worker is gone; returns the exit code."""
        self._libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        self.start()
        while self.worker or not self.stopping:
            self.turn(signal.sigtimedwait(WATCHED, self.patience()))
        self.end_orphans()
        if self.cut_short:
            self.tell_the_record("stopped")
        return 0

    def turn(self, news: signal.struct_siginfo | None) -> None:
        """One round of the loop: a signal that came, or none."""
        if news and news.si_signo == signal.SIGCHLD:
            self.reap()
        elif news:
            self.stop(signal.Signals(news.si_signo))
        self.press()
        if not self.worker and not self.stopping and time.monotonic() >= self.started + self.pause:
            self.start()

    def patience(self) -> float:
        """Seconds until something is to be done without a signal."""
        waits = [at - time.monotonic() for at, _ in self.deadlines[:1]]
        if not self.worker:
            waits.append(self.started + self.pause - time.monotonic())
        return max(0.0, min(waits, default=LONGEST_PAUSE))

    def start(self) -> None:
        """Fork and exec the worker, which drains when the warden dies."""
        pulse.stop()
        own = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                self._libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
                if os.getppid() == own:  # else the warden died before it could be watched
                    os.execv(self.command[0], self.command)  # noqa: S606
            finally:
                os._exit(127)
        self.worker, self.started = pid, time.monotonic()
        log.info("worker %s started", pid)

    def reap(self) -> None:
        """Collect every dead child; the worker's own death decides what follows."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self.worker:
                    self.lost(os.waitstatus_to_exitcode(status))

    def lost(self, code: int) -> None:
        """The worker died: end what it left, and set the pause before the next start."""
        lived = time.monotonic() - self.started
        self.worker = 0
        pulse.stop()
        orphans = self.end_orphans()
        if self.stopping:
            log.info("worker ended (%s)", code)
            return
        self.pause = 0.0 if lived > STEADY else min(LONGEST_PAUSE, max(1.0, self.pause * 2))
        log.warning("worker died (%s) after %.0f s, %s orphans killed", code, lived, orphans)
        self.tell_the_record("lost")  # before the next worker takes runs under the same name
        self.started = time.monotonic()

    def end_orphans(self) -> int:
        """Kill all that descends from this process, whatever group or session it moved to."""
        killed = 0
        while found := psutil.Process().children(recursive=True):
            for process in found:
                with contextlib.suppress(psutil.Error):
                    process.kill()
                    killed += 1
            psutil.wait_procs(found, timeout=1)
        return killed

    def stop(self, asked: signal.Signals) -> None:
        """First SIGTERM or SIGINT: finish running work, take no more. A second one, or SIGQUIT: stop now."""
        hurry = self.stopping or asked == signal.SIGQUIT
        now = time.monotonic()
        cold = now if hurry else now + self.drain
        self.deadlines = [(cold, signal.SIGQUIT), (cold + COLD_SECONDS, signal.SIGKILL)]
        if not hurry:
            log.info("stopping: running work has %.0f s to finish", self.drain)
            self.tell(signal.SIGTERM)
        self.stopping = True

    def press(self) -> None:
        """Send what is due to a worker that takes its time."""
        while self.deadlines and time.monotonic() >= self.deadlines[0][0]:
            _, due = self.deadlines.pop(0)
            self.cut_short = self.cut_short or self.worker != 0
            self.tell(due)

    def tell_the_record(self, how: str) -> None:
        """End the runs of a worker of which nothing runs any more; without it they end with their leases."""
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            command = [sys.executable, "-m", "workers.abandoned", worker_name(), how]
            subprocess.run(command, timeout=TELL_SECONDS, check=False)  # noqa: S603

    def tell(self, what: signal.Signals) -> None:
        if self.worker:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.worker, what)
