"""A small real `Execution` for the tests of the python step: no database, a log that keeps its records."""

from __future__ import annotations

import logging
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nomaflow.types import StepCancelled
from workers.executors.python import Python


class TestScope:
    __test__ = False

    def __init__(self) -> None:
        self.reason: str | None = None
        self._aborts: list[Callable[[], object]] = []

    def cancel(self, reason: str) -> None:
        self.reason = self.reason or reason
        for abort in self._aborts:
            abort()

    def check(self) -> None:
        if self.reason:
            raise StepCancelled(self.reason)

    @contextmanager
    def guard(self, abort: Callable[[], object]) -> Iterator[None]:
        self.check()
        self._aborts.append(abort)
        try:
            yield
        finally:
            self._aborts.remove(abort)
            self.check()


class Lines(logging.Handler):
    """Every record of one run, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def texts(self, *, logger: str | None = None) -> list[str]:
        return [r.getMessage() for r in self.records if logger in (None, r.name)]

    def has(self, text: str) -> bool:
        return any(text in one for one in self.texts())


def _logger(lines: Lines) -> logging.Logger:
    logger = logging.Logger("nomaflow.step", logging.INFO)
    logger.addHandler(lines)
    return logger


@dataclass
class PythonExecution:
    params: Mapping[str, Any] = field(default_factory=dict)
    previous_step: Mapping[str, Any] | None = None
    connectors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    memory_limit_mb: int = 512
    run_id: str = "run_00a8c"
    job_id: str = "nightly"
    step: str = "summary"
    position: int = 1
    attempt: int = 1
    session_user: str = "ann"
    as_of: datetime = datetime(2026, 11, 22, tzinfo=UTC)
    scope: TestScope = field(default_factory=TestScope)
    lines: Lines = field(default_factory=Lines)

    def __post_init__(self) -> None:
        self.log = _logger(self.lines)

    def connector_config(self, name: str) -> dict[str, Any]:
        try:
            return dict(self.connectors[name])
        except KeyError:
            raise LookupError(f"there is no connector {name!r}") from None

    def connector(self, name: str) -> Any:
        raise NotImplementedError

    def mask(self, text: str) -> str:
        return text

    def add_secret(self, value: str) -> None:
        raise NotImplementedError


class Background:
    """A step running in a thread of its own, as in a worker."""

    def __init__(self, executor: Python, ctx: PythonExecution, callable_: str) -> None:
        self.ctx = ctx
        self.output: Mapping[str, Any] | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(executor, callable_))
        self._thread.start()

    def _run(self, executor: Python, callable_: str) -> None:
        try:
            self.output = executor.run(self.ctx, {"callable": callable_, "op_kwargs": {}})
        except BaseException as error:
            self.error = error

    def join(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive(), "the step did not end"


def eventually(condition: Callable[[], object], *, within: float = 30) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not true within {within} s: {condition}"
        time.sleep(0.02)


def write_plugin(root: Path, text: str, *, name: str = "plug.py") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
