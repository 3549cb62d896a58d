from __future__ import annotations

from django.db import models

from runs_app.models.run import Run


class LogLine(models.Model):
    """One line of a run's log; `seq` counts stored lines from 1 without a gap."""

    pk = models.CompositePrimaryKey("run_id", "seq")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="log_lines", db_index=False)
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    level = models.SmallIntegerField()
    """0 DEBUG, 1 INFO, 2 WARNING, 3 ERROR."""
    step = models.SmallIntegerField(default=0)
    """Position of the step, 0 for the run itself."""
    source = models.SmallIntegerField(default=0)
    """0 the framework, 1 the step's own code; user code cannot write as 0."""
    logger = models.CharField(max_length=200, blank=True)
    message = models.TextField()

    class Meta:
        ordering = ["run_id", "seq"]

    def __str__(self) -> str:
        return f"{self.run_id}#{self.seq}"
