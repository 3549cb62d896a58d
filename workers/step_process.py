"""The worker's side of a python step: starts its process, feeds the run's log from it, stops it."""

from __future__ import annotations

import codecs
import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nomaflow.types import StepFailed
from workers import step_channel

_ROOT = Path(__file__).resolve().parent.parent
_DRAIN_SECONDS = 2.0  # what the step wrote before it ended is still in the pipes
_AT_ONCE = 500  # messages read before other sources get their turn
_LINE_CHARS = 1 << 20
_BLANK = vars(logging.makeLogRecord({}))

ConnectorConfig = Callable[[str], Mapping[str, Any]]


class ForkServer:
    """Starts `workers.stephost` once for this process and asks it for step processes; thread-safe."""

    def __init__(self, *, preload: tuple[str, ...] = ()) -> None:
        self._preload = preload
        self._lock = threading.Lock()
        self._owner = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def warm(self) -> None:
        """Start the server now, so that the first step need not wait for it."""
        with self._lock:
            self._ensure()

    def fork(self, descriptors: list[int]) -> None:
        """Ask for a step process that owns copies of `descriptors`."""
        with self._lock:
            for last_try in (False, True):
                try:
                    socket.send_fds(self._ensure(), [b"step"], descriptors)
                except OSError:
                    if last_try:
                        raise
                    self._forget()
                else:
                    return

    def _ensure(self) -> socket.socket:
        alive = self._process is not None and self._process.poll() is None
        if self._owner == os.getpid() and alive and self._requests is not None:
            return self._requests
        self._forget()
        ours, theirs = step_channel.pair()
        code = (
            f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from workers.stephost import serve;"
            f" serve({theirs.fileno()}, {list(self._preload)!r})"
        )
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-c", code],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=step_environment(os.environ),
                start_new_session=True,
            )
        self._owner, self._requests = os.getpid(), ours
        return ours

    def _forget(self) -> None:
        """Close our end, which ends the server and its steps. After a fork of this process, drop the copy."""
        if self._requests is not None:
            self._requests.close()
        if self._process is not None and self._owner == os.getpid():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        self._process = self._requests = None

    def close(self) -> None:
        with self._lock:
            self._forget()


def step_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without Nomaflow's own settings, so that its URLs, keys and passwords stay out of
    the steps and of what they start. `NOMAFLOW_VAR_…` and everybody else's variables stay."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith("NOMAFLOW_VAR_")
        or not name.startswith(("NOMAFLOW_", "CELERY_", "DJANGO_SETTINGS_MODULE"))
    }


@dataclass(frozen=True)
class Reply:
    """How a step process ended: its output, or the error to raise."""

    output: dict[str, Any] | None = None
    error: StepFailed | None = None

    def result(self) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        return self.output or {}


class StepProcess:
    """One step in a process of its own. Leaving the block leaves no process of its group behind."""

    def __init__(
        self,
        server: ForkServer,
        order: Mapping[str, Any],
        *,
        log: logging.Logger,
        connector_config: ConnectorConfig,
        grace: float,
    ) -> None:
        self._log = log
        self._connector_config = connector_config
        self._grace = grace
        self._timer: threading.Timer | None = None
        self._selector = selectors.DefaultSelector()
        self._reply: Reply | None = None
        self._closed = False
        self._status: int | None = None
        self.pid = 0
        """The process, also the number of its process group; 0 until it is known."""
        self._start(server, order)

    def __enter__(self) -> StepProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._selector.close()
        self._channel.close()
        self._control.close()
        for pipe in self._pipes:
            pipe.close()

    def cancel(self, *, at_once: bool = False) -> None:
        """Ask the step to stop; kill its process group after the grace. Called from another thread."""
        with contextlib.suppress(OSError):
            self._channel.stop()
        if at_once:
            self._kill()
            return
        self._timer = threading.Timer(self._grace, self._kill_after_grace)
        self._timer.daemon = True
        self._timer.start()

    def wait(self) -> Reply:
        """Serve the process until it has ended."""
        while self._status is None:
            for key, _ in self._selector.select():
                key.data()
        self._drain()
        return self._reply or Reply(error=_died(self._status))

    def _start(self, server: ForkServer, order: Mapping[str, Any]) -> None:
        channel, its_channel = step_channel.pair()
        self._control, its_control = step_channel.pair()
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        self._channel = step_channel.Channel(channel)
        self._pipes = [
            _Pipe(out, "stdout", logging.INFO, self._log),
            _Pipe(err, "stderr", logging.WARNING, self._log),
        ]
        try:
            server.fork([its_channel.fileno(), its_out, its_err, its_control.fileno()])
        except OSError as error:
            self.__exit__()
            raise StepFailed(f"the step process could not be started: {error}", kind="killed") from error
        finally:
            for end in (its_channel.detach(), its_out, its_err, its_control.detach()):
                os.close(end)
        self._register(self._channel, self._on_messages)
        self._register(self._control, self._on_control)
        for pipe in self._pipes:
            self._register(pipe, partial(self._on_output, pipe))
        with contextlib.suppress(OSError):  # its death is told by the control socket
            self._channel.send(dict(order))

    def _on_output(self, pipe: _Pipe) -> None:
        if not pipe.read():
            self._selector.unregister(pipe)

    def _register(self, source: Any, handler: Callable[[], object]) -> None:
        self._selector.register(source, selectors.EVENT_READ, handler)

    def _on_control(self) -> None:
        """The server says the process id, then the exit status; its own death is a kill."""
        try:
            word = self._control.recv(16)
        except OSError:
            word = b""
        if word and not self.pid:
            self.pid = int(word)
        elif word:
            self._status = int(word)
        elif self.pid:
            self._status = -signal.SIGKILL
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        else:
            self._status = 1
            sentence = "the step process could not be started: the fork server could not fork"
            self._reply = Reply(error=StepFailed(sentence, kind="killed"))

    def _on_messages(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                message = self._channel.receive(wait=False)
            except BlockingIOError:
                return
            except OSError:
                message = None
            if message is None:  # the process is ending; the control socket will say how
                with contextlib.suppress(KeyError):
                    self._selector.unregister(self._channel)
                return
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if "log" in message:
            name, level, created, text = message["log"]
            _write(self._log, name, level, created, text)
        elif "connector" in message:
            with contextlib.suppress(OSError):
                self._channel.send(self._answer(message["connector"]))
        elif "result" in message:
            self._reply = Reply(output=message["result"])
        elif "error" in message:
            error = message["error"]
            self._reply = Reply(error=StepFailed(error.pop("message"), **error))

    def _answer(self, name: str) -> dict[str, Any]:
        try:
            return dict(self._connector_config(name))
        except Exception as error:
            why = {name: getattr(error, name) for name in ("retry", "kind") if hasattr(error, name)}
            return {"failed": {"message": str(error), **why}}

    def _kill_after_grace(self) -> None:
        if self._closed:
            return
        self._log.warning(
            "the step did not stop within %g s of the cancel: its process is killed", self._grace
        )
        self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            self._control.send(b"kill")

    def _drain(self) -> None:
        """Read what was written before the end."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while time.monotonic() < deadline:
            ready = [key for key, _ in self._selector.select(0) if key.fileobj is not self._control]
            if not ready:
                break
            for key in ready:
                key.data()
        for pipe in self._pipes:
            pipe.finish()


class _Pipe:
    """Read end of a step's descriptor 1 or 2: each line becomes a line of the log."""

    def __init__(self, descriptor: int, name: str, level: int, log: logging.Logger) -> None:
        self._descriptor, self._name, self._level, self._log = descriptor, name, level, log
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._open_line = ""

    def fileno(self) -> int:
        return self._descriptor

    def read(self) -> bool:
        """Take what is there; False at the end of file."""
        data = os.read(self._descriptor, 1 << 16)
        *lines, self._open_line = (self._open_line + self._decode(data)).split("\n")
        for line in lines:
            self._line(line)
        if len(self._open_line) > _LINE_CHARS:
            self.finish()
        return bool(data)

    def finish(self) -> None:
        if self._open_line:
            self._line(self._open_line)
            self._open_line = ""

    def _line(self, text: str) -> None:
        _write(self._log, self._name, self._level, time.time(), text)

    def close(self) -> None:
        os.close(self._descriptor)


def _write(log: logging.Logger, name: str, level: int, created: float, text: str) -> None:
    """Hand a finished line to the run's log with its own time, level and logger name."""
    if not log.isEnabledFor(level):
        return
    record = logging.LogRecord.__new__(logging.LogRecord)  # a flood of lines must not cost their creation
    record.__dict__.update(_BLANK, name=name, levelno=level, levelname=logging.getLevelName(level), msg=text)
    record.created, record.msecs = created, created % 1 * 1000
    log.handle(record)


def _died(status: int) -> StepFailed:
    if status < 0:
        return StepFailed(f"step process killed (signal {-status})", kind="killed")
    return StepFailed(f"step process exited with status {status}", kind="killed")
