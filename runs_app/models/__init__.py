"""What happened: runs, their steps and attempts, their log, their events."""

from __future__ import annotations

from runs_app.models.log import LogLine
from runs_app.models.run import Run, RunEvent
from runs_app.models.step import Attempt, StepRun

__all__ = ["Attempt", "LogLine", "Run", "RunEvent", "StepRun"]
