"""The `StepContext` of a step process: what it does not hold itself it asks the worker for."""

from __future__ import annotations

import importlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from nomaflow.types import StepCancelled, StepFailed
from workers.step_channel import Channel


class HostedContext:
    """See `nomaflow.types.StepContext`."""

    def __init__(self, channel: Channel, order: Mapping[str, Any]) -> None:
        self.run_id: str = order["run_id"]
        self.job_id: str = order["job_id"]
        self.step: str = order["step"]
        self.attempt: int = order["attempt"]
        self.session_user: str = order["session_user"]
        self.params: Mapping[str, Any] = order["params"]
        self.previous_step: Mapping[str, Any] | None = order["previous_step"]
        self.log = logging.getLogger(order["logger"])
        self._tag: str = order["tag"]
        self._channel = channel
        self._scope = _ChannelScope(channel)
        self._pid = os.getpid()
        self._connectors: dict[str, Any] = {}
        self._asking = threading.Lock()

    def fileno(self) -> int:
        return self._channel.fileno()

    def is_cancelled(self) -> bool:
        return self._channel.stopped()

    def get_connector(self, name: str) -> Any:
        """The same open connector for each call with the same name."""
        with self._asking:
            if name not in self._connectors:
                self._connectors[name] = self._open(name)
            return self._connectors[name]

    def _open(self, name: str) -> Any:
        if os.getpid() != self._pid:
            raise StepFailed("get_connector works only in the step's own process, not in one it forked")
        self._scope.check()
        self._channel.send({"connector": name})
        answer = self._channel.receive()
        if answer is None:
            raise StepCancelled("cancelled")
        if "failed" in answer:
            raise StepFailed(**answer["failed"])
        module, _, kind = answer["path"].rpartition(".")
        opener = getattr(importlib.import_module(module), kind)()
        return opener.open(name, answer["config"], tag=self._tag, scope=self._scope)


class _ChannelScope:
    """The attempt's scope on this side of the channel (see `nomaflow.extending.Scope`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._aborts: list[Callable[[], object]] = []
        self._watching = False

    @property
    def reason(self) -> str | None:
        return "cancelled" if self._channel.stopped() else None

    def check(self) -> None:
        if self._channel.stopped():
            raise StepCancelled("cancelled")

    def sleep(self, seconds: float) -> None:
        if self._channel.stopped(timeout=seconds):
            raise StepCancelled("cancelled")

    @contextmanager
    def guard(self, abort: Callable[[], object]) -> Iterator[None]:
        with self._lock:
            self.check()
            self._aborts.append(abort)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="cancel-watch", daemon=True).start()
        try:
            yield
        except BaseException:
            self._leave(abort)
            self.check()
            raise
        self._leave(abort)
        self.check()

    def _leave(self, abort: Callable[[], object]) -> None:
        with self._lock:
            self._aborts.remove(abort)

    def _watch(self) -> None:
        self._channel.stopped(timeout=None)
        with self._lock:
            aborts = list(self._aborts)
        for abort in aborts:
            with suppress(Exception):
                abort()
