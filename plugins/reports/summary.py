"""The last step of `nightly-reporting-refresh`: one text a person reads in the morning."""

from __future__ import annotations

from typing import Any

from nomaflow.types import StepContext, StepFailed

CARRIERS = """
SELECT name, flights, cancelled, average_delay, on_time_share
FROM delays_by_carrier ORDER BY average_delay
"""
WORST_HOUR = "SELECT hour, average_delay FROM delays_by_hour ORDER BY average_delay DESC NULLS LAST LIMIT 1"
KEEP = """
INSERT INTO summaries (period, written_by, body) VALUES (:period, :written_by, :body)
ON CONFLICT (period) DO UPDATE
SET body = EXCLUDED.body, written_by = EXCLUDED.written_by, written_at = now()
"""


def send_summary(ctx: StepContext, *, period: str, target_connector: str, **_: Any) -> dict[str, Any]:
    """Write the period's summary into the target database and return what was written."""
    reporting = ctx.get_connector(target_connector)
    carriers = reporting.query(CARRIERS)
    if not carriers:
        raise StepFailed("delays_by_carrier is empty; did the refresh steps run?", retry=False)
    body = compose(period, carriers, reporting.query(WORST_HOUR))
    for line in body.splitlines():
        ctx.log.info(line)
    written = reporting.execute(KEEP, {"period": period, "written_by": ctx.session_user, "body": body})
    ctx.log.info("summary for %s written", period)
    return {
        "rows_affected": written,
        "period": period,
        "carriers": len(carriers),
        "flights": sum(carrier["flights"] for carrier in carriers),
        "summary": body,
    }


def compose(period: str, carriers: list[dict[str, Any]], worst_hours: list[dict[str, Any]]) -> str:
    """The text: totals, the best and the worst carrier, the worst hour to leave."""
    flights = sum(carrier["flights"] for carrier in carriers)
    cancelled = sum(carrier["cancelled"] for carrier in carriers)
    best, worst = carriers[0], carriers[-1]
    lines = [
        f"Delays, refreshed for {period}",
        f"{flights:,} flights of {len(carriers)} carriers, {cancelled:,} cancelled",
        f"most punctual: {best['name']} ({best['average_delay']} min)",
        f"least punctual: {worst['name']} ({worst['average_delay']} min)",
    ]
    lines += [
        f"worst hour to leave: {hour['hour']}:00 ({hour['average_delay']} min late)" for hour in worst_hours
    ]
    return "\n".join(lines)
