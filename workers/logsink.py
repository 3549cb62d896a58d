"""From a step's lines to the table: clean, mask, number, batch, store, echo."""

from __future__ import annotations

import logging
import queue
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from django.db import DatabaseError, InterfaceError, connection

from jobs_app.masking import Masker
from runs_app import live, logs
from runs_app.lifecycle import Claim, Fenced
from runs_app.logs import Line

log = logging.getLogger(__name__)

BATCH_SECONDS = 0.05
BATCH_LINES = 1_000
LONGEST_LINE = 64 * 1024
MOST_BUFFERED = 20_000
"""Lines held while the database is slow; beyond it the writer waits."""
RETRY_SECONDS = 0.5

FRAMEWORK, STEP_CODE = 0, 1
_BREAKS = re.compile(r"\r\n|\n|\r")
_CONTROL = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\t\x1b"} | {0x7F: "\u2421"}


class LogSink:
    """One run's log while its claim is held. Numbers stored lines from `first_seq` without a gap.

    The framework's own lines are always stored. A step's lines are stored up to `limit` bytes, beyond it only
    WARNING and ERROR up to twice the limit; what is dropped is counted exactly.
    """

    def __init__(self, claim: Claim, *, level: int, limit: int, first_seq: int, masker: Masker) -> None:
        self.claim = claim
        self.masker = masker
        self._level, self._limit = level, limit
        self._cond = threading.Condition()
        self._pending: list[Line] = []
        self._next_seq, self._stored_seq = first_seq, first_seq - 1
        self._bytes = self.dropped_lines = self.dropped_bytes = 0
        self._gone = False
        self.hurry = threading.Event()
        self.on_fenced: Callable[[], object] = lambda: None

    @property
    def next_seq(self) -> int:
        return self._next_seq

    @property
    def totals(self) -> tuple[int, int, int]:
        """Last number given, lines dropped, bytes dropped."""
        return self._next_seq - 1, self.dropped_lines, self.dropped_bytes

    def write(
        self,
        level: int,
        message: str,
        *,
        step: int = 0,
        source: int = FRAMEWORK,
        logger: str = "",
        at: datetime | None = None,
    ) -> None:
        """Add a message, one line for each of its lines; `level` is 0 DEBUG to 3 ERROR."""
        if level < self._level:
            return
        at = at or datetime.now(UTC)
        for text in _BREAKS.split(self.masker.mask(message.rstrip("\r\n"))):
            self._add(level, clean(text), step=step, source=source, logger=clean(logger)[:200], at=at)

    def _add(self, level: int, text: str, *, step: int, source: int, logger: str, at: datetime) -> None:
        size = len(text.encode())
        with self._cond:
            if not self._room(level, source, size):
                self.dropped_lines += 1
                self.dropped_bytes += size
                return
            self._cond.wait_for(lambda: len(self._pending) < MOST_BUFFERED or self._gone)
            if self._gone:
                return
            self._bytes += size
            self._pending.append(Line(self._next_seq, at, level, step, source, logger, text))
            self._next_seq += 1
            waiting = len(self._pending)
        if waiting == 1:
            _writer().wanted.put(self)
        elif waiting >= BATCH_LINES:
            self.hurry.set()

    def _room(self, level: int, source: int, size: int) -> bool:
        if source == FRAMEWORK:
            return True
        return self._bytes + size <= self._limit * (2 if level >= 2 else 1)

    def announce_drops(self) -> None:
        """One line with the exact count of what the limit kept out."""
        if self.dropped_lines:
            lost = f"{self.dropped_lines:,} lines, {self.dropped_bytes:,} bytes"
            self.write(2, f"log truncated: {lost} were not kept")

    def flush(self, *, within: float = 30.0) -> None:
        """Return when every line written so far is stored, or will never be."""
        self.hurry.set()
        with self._cond:
            last = self._next_seq - 1
            self._cond.wait_for(lambda: self._stored_seq >= last or self._gone, timeout=within)

    def give_up(self) -> None:
        """The claim is lost: nothing more is stored."""
        with self._cond:
            self._gone = True
            self._pending.clear()
            self._cond.notify_all()

    def take(self) -> list[Line]:
        with self._cond:
            return self._pending[:BATCH_LINES]

    def stored(self, lines: list[Line]) -> bool:
        """Forget a stored batch; True when more is waiting."""
        with self._cond:
            del self._pending[: len(lines)]
            self._stored_seq = lines[-1].seq
            self._cond.notify_all()
            return bool(self._pending)


def clean(text: str) -> str:
    """What a table and a page can hold: control characters shown as pictures, lone surrogates escaped, cut.

    >>> clean("a" + chr(0) + "b")
    'a\u2400b'
    """
    text = text.translate(_CONTROL).encode("utf-8", "backslashreplace").decode()
    if len(text) <= LONGEST_LINE // 4:
        return text
    raw = text.encode()
    if len(raw) <= LONGEST_LINE:
        return text
    kept = raw[:LONGEST_LINE].decode("utf-8", "ignore")
    return f"{kept} … [cut, {len(raw):,} bytes]"


class SinkHandler(logging.Handler):
    """Routes an attempt's logger into the run's log."""

    def __init__(self, sink: LogSink, *, step: int, source: int) -> None:
        super().__init__()
        self._sink, self._step, self._source = sink, step, source

    def emit(self, record: logging.LogRecord) -> None:
        self._sink.write(
            level_of(record.levelno),
            _text(record),
            step=self._step,
            source=self._source,
            logger="" if record.name == "root" else record.name,
            at=datetime.fromtimestamp(record.created, UTC),
        )


def _text(record: logging.LogRecord) -> str:
    """The message and its traceback; arguments that do not fit are no reason to fail a step."""
    try:
        message = record.getMessage()
    except Exception as error:
        message = f"{record.msg} {record.args!r} [{type(error).__name__}: {error}]"
    if record.exc_info:
        message += "\n" + logging.Formatter().formatException(record.exc_info)
    return message


def level_of(levelno: int) -> int:
    """Python's level as 0 DEBUG, 1 INFO, 2 WARNING, 3 ERROR.

    >>> [level_of(n) for n in (logging.DEBUG, logging.INFO, logging.WARNING, logging.CRITICAL)]
    [0, 1, 2, 3]
    """
    return min(3, max(0, levelno // 10 - 1))


class _Writer(threading.Thread):
    """Stores for every sink of this process, on one database connection of its own."""

    def __init__(self) -> None:
        super().__init__(name="log-writer", daemon=True)
        self.wanted: queue.SimpleQueue[LogSink] = queue.SimpleQueue()

    def run(self) -> None:
        while True:
            sink = self.wanted.get()
            sink.hurry.wait(BATCH_SECONDS)
            sink.hurry.clear()
            while lines := sink.take():
                if not self._store(sink, lines) or not sink.stored(lines):
                    break

    def _store(self, sink: LogSink, lines: list[Line]) -> bool:
        try:
            logs.append(sink.claim, lines)
        except Fenced:
            sink.give_up()
            sink.on_fenced()
            return False
        except Exception as error:  # no fault may end the thread that stores for every run of this process
            known = isinstance(error, (DatabaseError, InterfaceError))
            log.warning("log of run %s is not stored yet: %s", sink.claim.number, error, exc_info=not known)
            connection.close()
            time.sleep(RETRY_SECONDS)
            self.wanted.put(sink)
            return False
        live.publish_lines(sink.claim.number, [line.row() for line in lines])
        return True


_start = threading.Lock()
_current: _Writer | None = None


def _writer() -> _Writer:
    """This process's writer; a forked child starts its own because threads do not survive a fork."""
    global _current
    if _current is None or not _current.is_alive():
        with _start:
            if _current is None or not _current.is_alive():
                _current = _Writer()
                _current.start()
    return _current
