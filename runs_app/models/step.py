from __future__ import annotations

from django.db import models

from runs_app.models.run import Run
from runs_app.states import Reason, StepState


class StepRun(models.Model):
    """One step of one run. Its state is written by `lifecycle` only."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps", db_index=False)
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=128)
    type = models.CharField(max_length=64)
    state = models.CharField(max_length=9, choices=StepState)
    reason_code = models.CharField(max_length=24, blank=True, choices=Reason)
    reason = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    attempts_made = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    """While waiting between attempts: when the next begins."""
    rows_affected = models.BigIntegerField(null=True)
    output = models.JSONField(null=True)
    error_class = models.CharField(max_length=200, blank=True)
    error_message = models.TextField(blank=True)
    traceback = models.TextField(blank=True)

    class Meta:
        ordering = ["run_id", "position"]
        constraints = [models.UniqueConstraint(fields=["run", "position"], name="runs_step_position")]

    def __str__(self) -> str:
        return f"{self.run} · {self.name}"

    @property
    def duration_ms(self) -> int | None:
        if not (self.started_at and self.finished_at):
            return None
        return round((self.finished_at - self.started_at).total_seconds() * 1000)


class Attempt(models.Model):
    """One try of one step."""

    step_run = models.ForeignKey(StepRun, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=9, choices=StepState, default=StepState.RUNNING)
    reason_code = models.CharField(max_length=24, blank=True, choices=Reason)
    reason = models.TextField(blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    input = models.JSONField(null=True)
    """The configuration after substitution, secrets masked; for display."""
    output = models.JSONField(null=True)
    error_class = models.CharField(max_length=200, blank=True)
    error_message = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    first_seq = models.BigIntegerField(default=0)
    """The log line this try began at."""

    class Meta:
        ordering = ["step_run_id", "number"]
        constraints = [models.UniqueConstraint(fields=["step_run", "number"], name="runs_attempt_number")]

    def __str__(self) -> str:
        return f"{self.step_run} attempt {self.number}"
