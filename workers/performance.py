"""One run in the hands of the worker that claimed it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from jobs_app.masking import Masker
from runs_app import logs
from runs_app.lifecycle import Claim, Ending, Fenced
from runs_app.models import Run, StepRun
from runs_app.states import Reason
from workers.cancel import CancelScope, Stop
from workers.logsink import LogSink

INFO, WARNING, ERROR = 1, 2, 3
RETRY_SECONDS = 0.5

T = TypeVar("T")


@dataclass
class Performance:
    """A claimed run, its steps, and what has come of them so far."""

    claim: Claim
    run: Run
    steps: list[StepRun]
    sink: LogSink
    masker: Masker
    scope: CancelScope = field(default_factory=CancelScope)
    outputs: dict[str, Any] = field(default_factory=dict)
    previous: dict[str, Any] | None = None
    last: tuple[StepRun, Ending] | None = None
    """A step that ended and whose end is stored with the next boundary."""
    failed: tuple[StepRun, Ending] | None = None
    partial: bool = False
    stuck: bool = False
    """A step did not come back after its grace: this process must not take another run."""

    @property
    def definition(self) -> dict[str, Any]:
        return dict(self.run.version.definition) if self.run.version else {}

    def step_definition(self, step: StepRun) -> dict[str, Any]:
        return dict(self.definition["steps"][step.position - 1])

    def say(self, level: int, text: str, *, step: StepRun | None = None) -> None:
        """Write a line of the framework's own."""
        self.sink.write(level, text, step=step.position if step else 0)

    def lose(self) -> None:
        """Another hand ended this run: stop the step, store nothing more."""
        self.sink.give_up()
        self.scope.cancel(Stop(Reason.LEASE_LOST, "another hand ended this run"))

    def store(self, move: Callable[[], T]) -> T:
        """Make a move of the record, waiting out a database that is away for as long as the lease allows."""
        while True:
            try:
                return move()
            except (OperationalError, InterfaceError) as error:
                connection.close()
                if self.scope.reason == Reason.LEASE_LOST:
                    raise Fenced(str(error)) from error
                time.sleep(RETRY_SECONDS)


def open_run(claim: Claim) -> Performance:
    """Load what a claim took."""
    run = Run.objects.select_related("version").get(pk=claim.number)
    masker = Masker()
    own_limit = run.version.definition.get("log_truncate_kb") if run.version else None
    sink = LogSink(
        claim,
        level=logs.LEVELS.index(run.log_level),
        limit=(own_limit or settings.NOMAFLOW_LOG_TRUNCATE_KB) * 1024,
        first_seq=logs.last_seq(run.pk) + 1 if run.rescues else 1,
        masker=masker,
    )
    show = Performance(claim, run, list(run.steps.order_by("position")), sink, masker)
    sink.on_fenced = show.lose
    return show
