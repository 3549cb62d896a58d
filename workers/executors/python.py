"""The `python` step type: a function of the user's plugins, in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from jobs_app import callables
from nomaflow.extending import Execution, Field, InvalidConfig, StepType
from nomaflow.types import StepFailed
from runs_app.states import Reason
from workers.step_process import ForkServer, StepProcess


class Python(StepType):
    """`callable` names the function; the run's merged parameters become its keyword arguments."""

    type = "python"
    label = _("Python function")
    idempotent = False
    cancel_note = format_lazy(
        _("The function is asked to stop; if it goes on it is killed after {seconds} seconds."),
        seconds=settings.NOMAFLOW_CANCEL_GRACE_SECONDS,
    )
    fields = (
        Field(
            name="callable",
            kind="callable",
            label=_("Function"),
            required=True,
            help=_("module.path:function in plugins/, such as reports.summary:send_summary."),
        ),
        Field(
            name="op_kwargs",
            kind="map",
            label=_("Arguments"),
            default={},
            help=_("Merged over the job's parameters. A function without **kwargs gets only those it names."),
        ),
    )

    def __init__(self) -> None:
        kinds = settings.NOMAFLOW_CONNECTOR_KINDS.values()
        self._server = ForkServer(preload=tuple(path.rpartition(".")[0] for path in kinds))

    def clean(self, config: Mapping[str, Any]) -> dict[str, Any]:
        cleaned = super().clean(config)
        try:
            callables.find(cleaned["callable"])
        except callables.CallableError as error:
            raise InvalidConfig({"callable": str(error)}) from None
        return cleaned

    def warm(self) -> None:
        """Start this worker process's fork server before its first python step."""
        self._server.warm()

    def close(self) -> None:
        """End the fork server and with it every step it runs."""
        self._server.close()

    def run(self, ctx: Execution, config: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            function = callables.find(config["callable"])
        except callables.CallableError as error:
            raise StepFailed(str(error), retry=False) from None
        process = StepProcess(
            self._server,
            _order(ctx, function),
            log=ctx.log,
            connector_config=ctx.connector_config,
            grace=settings.NOMAFLOW_CANCEL_GRACE_SECONDS,
        )

        def stop() -> None:
            # Another worker may take the run when the lease ends: that leaves no time for a grace.
            process.cancel(at_once=ctx.scope.reason == Reason.LEASE_LOST)

        with process, ctx.scope.guard(stop):
            reply = process.wait()
        return reply.result()


def _order(ctx: Execution, function: callables.CallableSpec) -> dict[str, Any]:
    """All a step process is told."""
    return {
        "module": function.module,
        "function": function.function,
        "path": str(function.path),
        "plugins_dir": str(Path(settings.NOMAFLOW_PLUGINS_DIR).resolve()),
        "memory_limit_mb": getattr(ctx, "memory_limit_mb", None) or settings.NOMAFLOW_MEMORY_LIMIT_MB,
        "logger": ctx.log.name,
        "level": ctx.log.getEffectiveLevel(),
        "tag": getattr(ctx, "tag", f"nomaflow:{ctx.run_id}"),
        "run_id": ctx.run_id,
        "job_id": ctx.job_id,
        "step": ctx.step,
        "attempt": ctx.attempt,
        "session_user": ctx.session_user,
        "params": dict(ctx.params),
        "previous_step": None if ctx.previous_step is None else dict(ctx.previous_step),
    }
