"""A long step that shows its progress and stops when it is asked to."""

from __future__ import annotations

import time
from typing import Any

from nomaflow.types import StepCancelled, StepContext

CARRIERS = "SELECT DISTINCT carrier FROM flights ORDER BY carrier"
COUNT = "SELECT count(*) AS flights FROM flights WHERE carrier = :carrier AND month = :month"


def compare_months(
    ctx: StepContext, *, source_connector: str, target_connector: str, pause_seconds: float = 1.0, **_: Any
) -> dict[str, Any]:
    """Count each carrier's flights of each month on both sides; return how many months differ."""
    source = ctx.get_connector(source_connector)
    target = ctx.get_connector(target_connector)
    carriers = [row["carrier"] for row in source.query(CARRIERS)]
    ctx.log.info("%s carriers, 12 months each", len(carriers))
    compared, differing = 0, []
    for carrier in carriers:
        for month in range(1, 13):
            wait(ctx, pause_seconds)
            names = {"carrier": carrier, "month": month}
            ours, theirs = (side.query(COUNT, names)[0]["flights"] for side in (source, target))
            compared += 1
            if ours != theirs:
                differing.append(f"{carrier}-{month:02}")
                ctx.log.warning("%s month %s: %s here, %s there", carrier, month, ours, theirs)
        ctx.log.info("%s compared (%s of %s)", carrier, compared, 12 * len(carriers))
    return {"compared": compared, "differing": len(differing), "first_differing": differing[:20]}


def wait(ctx: StepContext, seconds: float) -> None:
    """Sleep in small pieces, so that a cancel is heard at once."""
    until = time.monotonic() + seconds
    while True:
        if ctx.is_cancelled():
            raise StepCancelled("stopped between two months; nothing was written")
        left = until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(0.2, left))
