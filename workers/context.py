"""What an executor is given: one attempt, its parameters, its log, its connectors, its right to go on."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.module_loading import import_string

from jobs_app import connectors
from jobs_app.masking import Masker
from jobs_app.secrets import CannotDecrypt
from nomaflow.types import StepFailed
from workers.cancel import CancelScope


@dataclass(kw_only=True)
class AttemptContext:
    """One attempt of one step: the `Execution` executors are written against."""

    run_id: str
    job_id: str
    step: str
    position: int
    attempt: int
    session_user: str
    as_of: datetime
    params: Mapping[str, Any]
    previous_step: Mapping[str, Any] | None
    log: logging.Logger
    scope: CancelScope
    masker: Masker
    tag: str
    """Marks this claim's sessions on other servers: `nomaflow:<run>:<claim>`."""
    _open: dict[str, Any] = field(default_factory=dict)

    def connector(self, name: str) -> Any:
        if name not in self._open:
            known = self.connector_config(name)
            kind = import_string(known["path"])()
            self._open[name] = kind.open(name, known["config"], tag=self.tag, scope=self.scope)
        return self._open[name]

    def connector_config(self, name: str) -> dict[str, Any]:
        """`path`, the dotted path of the class that opens it; its decrypted `config`; its named `queries`."""
        try:
            known = connectors.resolve(name)
        except (connectors.ConnectorMissing, CannotDecrypt, ValueError) as error:
            raise StepFailed(str(error), retry=False) from error
        for secret in known.secrets:
            self.masker.add(secret)
        return {"path": known.path, "config": known.config, "queries": known.queries}

    def mask(self, text: str) -> str:
        return self.masker.mask(text)

    def add_secret(self, value: str) -> None:
        self.masker.add(value)

    def close(self) -> None:
        """Close what the attempt opened."""
        for connector in self._open.values():
            with contextlib.suppress(Exception):
                connector.close()
        self._open.clear()
