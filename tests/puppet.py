"""A step that does what its arguments say; registered by the test settings only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from nomaflow.extending import Execution, Field, StepType
from nomaflow.types import StepFailed


class Puppet(StepType):
    type = "puppet"
    label = "Puppet"
    fields: ClassVar[tuple[Field, ...]] = (
        Field(name="act", kind="text", label="Act", default="ok"),
        Field(name="times", kind="integer", label="Times", default=1),
        Field(name="text", kind="text", label="Text", default="hello"),
    )
    cancel_note = "The puppet drops its hands."

    def run(self, ctx: Execution, config: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return getattr(self, f"_{config['act']}")(ctx, config)

    def _ok(self, ctx: Execution, config: Mapping[str, Any]) -> Mapping[str, Any]:
        ctx.log.info(config["text"])
        return {"rows_affected": 3, "text": config["text"], "params": dict(ctx.params)}

    def _fail(self, ctx: Execution, config: Mapping[str, Any]) -> None:
        raise ValueError(config["text"])

    def _fail_first(self, ctx: Execution, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Fail `times` times, then work."""
        if ctx.attempt <= config["times"]:
            raise ConnectionError(f"not yet ({ctx.attempt})")
        return {"attempt": ctx.attempt}

    def _refuse(self, ctx: Execution, config: Mapping[str, Any]) -> None:
        raise StepFailed(config["text"], retry=False)

    def _hang(self, ctx: Execution, config: Mapping[str, Any]) -> None:
        ctx.log.info("hanging")
        ctx.scope.sleep(600)

    def _deaf(self, ctx: Execution, config: Mapping[str, Any]) -> None:
        """Hear no cancel for `times` seconds."""
        ctx.log.info("deaf")
        time.sleep(config["times"])

    def _flood(self, ctx: Execution, config: Mapping[str, Any]) -> Mapping[str, Any]:
        for number in range(config["times"]):
            ctx.log.info("line %s %s", number, config["text"])
        return {"lines": config["times"]}

    def _levels(self, ctx: Execution, config: Mapping[str, Any]) -> None:
        for level in ("debug", "info", "warning", "error"):
            getattr(ctx.log, level)("%s line", level)

    def _exit(self, ctx: Execution, config: Mapping[str, Any]) -> None:
        raise SystemExit(3)

    def _circular(self, ctx: Execution, config: Mapping[str, Any]) -> Mapping[str, Any]:
        ring: dict[str, Any] = {}
        ring["ring"] = ring
        return ring
