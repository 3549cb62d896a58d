"""The strings two rooms must share: task names, live groups, notification channels."""

from __future__ import annotations

EXECUTE_RUN = "nomaflow.execute_run"
"""The Celery task that is a run's doorbell; its only argument is the run's number."""

CANCEL_CHANNEL = "nomaflow_cancel"
"""PostgreSQL NOTIFY channel; the payload is the run's number."""

FEED_GROUP = "feed"
"""Channels group that hears every run's change of state."""


def run_group(number: int) -> str:
    """Channels group that hears one run's lines and changes."""
    return f"run.{number}"


MIRROR_TASK = "nomaflow.mirror_of_a_schedule"
"""The task named in the read-only copies of our schedules in Celery beat's tables; nothing ever sends it."""
