"""The right to go on: one scope for every way of stopping a step. The first reason wins."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nomaflow.types import StepCancelled

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stop:
    """Why something must stop: a stable code, the sentence, and who wished it."""

    code: str
    sentence: str
    by: str = ""
    step_only: bool = False
    """A step's own timeout: the attempt fails, the run decides what comes next."""


class CancelScope:
    """A tree of rights: stopping a run's scope stops the attempt's below it.

    Whoever holds something abortable (a connection, a task, a process) says in `guard` how to abort it. Aborts
    are called once, each in a thread of its own, because closing a dead connection may take its time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._aborts: list[Callable[[], object]] = []
        self.stop: Stop | None = None

    @property
    def reason(self) -> str | None:
        return self.stop.code if self.stop else None

    def cancel(self, stop: Stop) -> bool:
        """Stop for this reason; False when another came first."""
        with self._lock:
            if self.stop is not None:
                return False
            self.stop = stop
            aborts, self._aborts = self._aborts, []
        self._stopped.set()
        for abort in aborts:
            threading.Thread(target=_call, args=(abort,), daemon=True).start()
        return True

    def check(self) -> None:
        if self.stop is not None:
            raise StepCancelled(self.stop.sentence)

    @contextlib.contextmanager
    def guard(self, abort: Callable[[], object]) -> Iterator[None]:
        with self._lock:
            self.check()
            self._aborts.append(abort)
        try:
            yield
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._aborts.remove(abort)
        self.check()

    def sleep(self, seconds: float) -> None:
        self._stopped.wait(max(0.0, seconds))
        self.check()

    @contextlib.contextmanager
    def child(self) -> Iterator[CancelScope]:
        """A scope that stops with this one, and may stop on its own."""
        below = CancelScope()

        def pass_on() -> None:
            if self.stop is not None:
                below.cancel(self.stop)

        with self._lock:
            self._aborts.append(pass_on)
            stopped = self.stop
        if stopped is not None:
            below.cancel(stopped)
        try:
            yield below
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._aborts.remove(pass_on)


def _call(abort: Callable[[], object]) -> None:
    try:
        abort()
    except Exception:  # the attempt's end is what counts, and the grace period watches over it
        log.warning("an abort failed", exc_info=True)
