from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from jobs_app.models import Job, JobVersion
from runs_app import run_ids
from runs_app.querysets import RunQuerySet
from runs_app.states import ACTIVE, FINAL, Reason, RunState


class Run(models.Model):
    """One execution of a job. Its state is written by `lifecycle` only."""

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(
        Job, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="runs"
    )
    """No constraint: deleting a job keeps its history."""
    version = models.ForeignKey(
        JobVersion, null=True, on_delete=models.PROTECT, db_index=False, related_name="runs"
    )
    """The definition this run froze."""

    state = models.CharField(max_length=9, choices=RunState)
    reason_code = models.CharField(max_length=24, blank=True, choices=Reason)
    reason = models.TextField(blank=True)

    triggered_by = models.CharField(max_length=200)
    trigger_detail = models.CharField(max_length=200, blank=True)
    preset = models.CharField(max_length=128, blank=True)
    scheduled_for = models.DateTimeField(null=True)
    as_of = models.DateTimeField()
    replay_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="replays")
    parent = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="children")

    queued_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    snapshot = models.JSONField(default=dict)
    """Merged before substitution: `{"params": {}, "op_kwargs": {step: {}}, "step_enabled": {step: bool}}`."""
    log_level = models.CharField(max_length=8, default="INFO")
    timeout_seconds = models.PositiveIntegerField(null=True)
    single_instance = models.BooleanField(default=True)
    pool = models.CharField(max_length=64, default="default")
    priority = models.SmallIntegerField(default=0)

    claim_token = models.BigIntegerField(null=True)
    """The fence: every write of an owner carries it, a newer claim makes the older one's writes miss."""
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=200, blank=True)
    rescues = models.PositiveSmallIntegerField(default=0)
    rung_at = models.DateTimeField(db_default=Now())
    rings = models.PositiveIntegerField(default=1)
    """How often the doorbell was rung for it; spaces out the sweep's rings."""

    cancel_requested_at = models.DateTimeField(null=True)
    cancel_requested_by = models.CharField(max_length=200, blank=True)
    idempotency_key = models.CharField(max_length=200, null=True)

    log_last_seq = models.BigIntegerField(default=0)
    log_dropped_lines = models.BigIntegerField(default=0)
    log_dropped_bytes = models.BigIntegerField(default=0)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                "job",
                name="runs_one_active_per_job",
                condition=models.Q(state__in=sorted(ACTIVE), single_instance=True),
            ),
            models.UniqueConstraint(
                fields=["job", "preset", "scheduled_for"],
                name="runs_one_per_fire",
                condition=models.Q(scheduled_for__isnull=False),
            ),
            models.UniqueConstraint(fields=["job", "idempotency_key"], name="runs_idempotency"),
            models.CheckConstraint(
                name="runs_final_has_end",
                condition=models.Q(state__in=sorted(FINAL), finished_at__isnull=False)
                | models.Q(state__in=sorted(ACTIVE), finished_at__isnull=True),
            ),
            models.CheckConstraint(
                name="runs_running_has_claim",
                condition=~models.Q(state=RunState.RUNNING)
                | models.Q(claim_token__isnull=False, lease_until__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["job", "-id"], name="runs_by_job"),
            models.Index(fields=["state", "-id"], name="runs_by_state"),
            models.Index(fields=["queued_at"], name="runs_by_time", include=["state", "job"]),
            models.Index(fields=["rung_at"], name="runs_waiting", condition=models.Q(state=RunState.QUEUED)),
            models.Index(
                fields=["lease_until"], name="runs_leased", condition=models.Q(state=RunState.RUNNING)
            ),
        ]

    def __str__(self) -> str:
        return self.run_id

    @property
    def run_id(self) -> str:
        return run_ids.show(self.pk)

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    @property
    def canceling(self) -> bool:
        return self.state in ACTIVE and self.cancel_requested_at is not None

    @property
    def duration_ms(self) -> int | None:
        """From the claim to the end; None while there is no end or there never was a start."""
        if not (self.started_at and self.finished_at):
            return None
        return round((self.finished_at - self.started_at).total_seconds() * 1000)


class RunEvent(models.Model):
    """One move of a run or wish about it, written in the transaction that made it."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=32)
    """`queued, claimed, step_started, step_finished, requeued, cancel_requested, finished, fenced …`"""
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{run_ids.show(self.run_id)} {self.kind}"
