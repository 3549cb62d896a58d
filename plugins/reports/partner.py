"""A partner whose service is down: shows what a failing step and its retries look like."""

from __future__ import annotations

from typing import Any

from nomaflow.types import StepContext, StepFailed


def fetch_feed(ctx: StepContext, *, partner: str, works_on_attempt: int = 0, **_: Any) -> dict[str, Any]:
    """Fail until the attempt named by `works_on_attempt`; 0 never works."""
    ctx.log.info("asking %s for its feed (attempt %s)", partner, ctx.attempt)
    if not works_on_attempt or ctx.attempt < works_on_attempt:
        ctx.log.warning("%s answered 503 Service Unavailable", partner)
        raise StepFailed(f"{partner} is unavailable (503) on attempt {ctx.attempt}")
    ctx.log.info("%s answered", partner)
    return {"rows_affected": 0, "partner": partner, "attempt": ctx.attempt}
