"""Everything a step says becomes a line of the run's log: loggers, warnings, `print()`."""

from __future__ import annotations

import faulthandler
import io
import logging
import os
import sys
import threading
import time
from typing import TextIO

from workers.step_channel import Channel

_LINE_BYTES = 1 << 20  # the log store cuts lines much earlier; this only bounds memory


def install(channel: Channel, *, level: int) -> None:
    """Send what this process logs and prints through `channel`. Writes to the descriptors 1 and 2 (C code,
    child processes) go through pipes that the worker reads."""
    os.register_at_fork(after_in_child=channel.renew_lock)
    root = logging.getLogger()
    root.handlers[:] = [_ChannelHandler(channel)]
    root.setLevel(level)
    logging.captureWarnings(True)
    logging.getLogger("asyncio").setLevel(max(level, logging.INFO))
    sys.stdout = _stream(channel, "stdout", logging.INFO, descriptor=1)
    sys.stderr = _stream(channel, "stderr", logging.WARNING, descriptor=2)
    vars(sys).update(__stdout__=sys.stdout, __stderr__=sys.stderr)
    faulthandler.enable(file=2)


def _send(channel: Channel, name: str, level: int, created: float, message: str) -> None:
    channel.send({"log": [name[:200], level, created, message[:_LINE_BYTES]]})


class _ChannelHandler(logging.Handler):
    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        try:
            _send(self._channel, record.name, record.levelno, record.created, self.format(record))
        except OSError:
            pass  # the worker is gone, and so will be this process
        except Exception:
            self.handleError(record)


class _Lines(io.RawIOBase):
    """A binary stream that sends each line; the last one needs no newline."""

    def __init__(self, channel: Channel, name: str, level: int, descriptor: int) -> None:
        super().__init__()
        self._channel, self._name, self._level, self._descriptor = channel, name, level, descriptor
        self._open_line = bytearray()
        self._lock = threading.Lock()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data) -> int:  # type: ignore[no-untyped-def]
        with self._lock:
            self._open_line += data
            *lines, rest = self._open_line.split(b"\n")
            self._open_line = rest
            if len(rest) > _LINE_BYTES:
                lines.append(rest)
                self._open_line = bytearray()
            for line in lines:
                self._send_line(line)
        return len(data)

    def finish(self) -> None:
        """Send an unfinished last line."""
        with self._lock:
            if self._open_line:
                self._send_line(self._open_line)
                self._open_line = bytearray()

    def _send_line(self, line: bytearray) -> None:
        _send(self._channel, self._name, self._level, time.time(), line.decode(errors="replace"))


class _CapturedText(io.TextIOWrapper):
    """Line-buffered text over `_Lines`."""

    def __init__(self, lines: _Lines) -> None:
        super().__init__(
            io.BufferedWriter(lines), encoding="utf-8", errors="backslashreplace", line_buffering=True
        )
        self._lines = lines

    def finish(self) -> None:
        self.flush()
        self._lines.finish()


def _stream(channel: Channel, name: str, level: int, *, descriptor: int) -> TextIO:
    return _CapturedText(_Lines(channel, name, level, descriptor))


def finish() -> None:
    """Send what was printed without a newline; user code may have put its own streams there."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if isinstance(stream, _CapturedText):
            stream.finish()
