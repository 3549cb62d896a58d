from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from jobs_app.querysets import JobQuerySet

JOB_ID = RegexValidator(
    r"\A(?:[A-Za-z0-9]|_(?=[a-z]))[A-Za-z0-9_-]{0,127}\Z",
    _("Use 1 to 128 ASCII letters, digits, '-' or '_'; the first is a letter or a digit."),
)


class LogLevel(models.TextChoices):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"


class Job(models.Model):
    """A workflow defined once and run many times. Written by `schedules.save_job` only."""

    id = models.CharField(_("id"), primary_key=True, max_length=128, validators=[JOB_ID])
    description = models.TextField(_("description"), blank=True)
    tags = ArrayField(models.CharField(max_length=64), verbose_name=_("tags"), default=list, blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    built_in = models.BooleanField(default=False, editable=False)

    schedule = models.CharField(_("schedule"), max_length=200, blank=True)
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC")
    misfire = models.CharField(
        max_length=8, default="once", choices=[(x, x) for x in ("once", "all", "skip")]
    )
    max_lateness_seconds = models.PositiveIntegerField(default=3600)
    splay_seconds = models.PositiveIntegerField(default=0)
    single_instance = models.BooleanField(default=True)
    depends_on = ArrayField(models.CharField(max_length=128), default=list, blank=True)

    params = models.JSONField(_("parameters"), default=dict, blank=True)
    retry = models.JSONField(_("retry"), default=dict, blank=True)
    alerts = models.JSONField(_("alerts"), default=dict, blank=True)
    log_level = models.CharField(max_length=8, choices=LogLevel, default=LogLevel.INFO)
    log_truncate_kb = models.PositiveIntegerField(null=True, blank=True)
    timeout_seconds = models.PositiveIntegerField(null=True, blank=True)
    pool = models.CharField(max_length=64, default="default")
    priority = models.SmallIntegerField(default=0)
    on_worker_lost = models.CharField(
        max_length=8, default="fail", choices=[(x, x) for x in ("fail", "retry")]
    )

    cursor = models.DateTimeField(null=True, editable=False)
    """Every fire up to and including this instant is decided."""
    next_fire = models.DateTimeField(null=True, editable=False)
    version = models.ForeignKey(
        "JobVersion", null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(Lower("id"), name="jobs_job_id_ci")]
        indexes = [
            models.Index(
                "next_fire", name="jobs_job_due", condition=models.Q(enabled=True, next_fire__isnull=False)
            ),
            GinIndex(fields=["tags"], name="jobs_job_tags"),
        ]

    def __str__(self) -> str:
        return self.id


class Step(models.Model):
    """One unit of work inside a job; steps run in order of `position`."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(_("name"), max_length=128)
    type = models.CharField(_("type"), max_length=64)
    enabled = models.BooleanField(_("enabled"), default=True)
    timeout_seconds = models.PositiveIntegerField(default=3600)
    continue_on_error = models.BooleanField(default=False)
    condition = models.TextField(blank=True)
    idempotent = models.BooleanField(null=True, blank=True)
    retry = models.JSONField(null=True, blank=True)
    config = models.JSONField(default=dict)
    """What the step type's own fields say; `op_kwargs` of a python step among them."""

    class Meta:
        ordering = ["job_id", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "position"], name="jobs_step_position", deferrable=models.Deferrable.DEFERRED
            ),
            models.UniqueConstraint(
                fields=["job", "name"], name="jobs_step_name", deferrable=models.Deferrable.DEFERRED
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} · {self.name}"


class JobVersion(models.Model):
    """A job's whole definition as one save left it. Runs point at theirs; never changed, never deleted."""

    job_id = models.CharField(max_length=128)
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    author = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["job_id", "-number"]
        constraints = [models.UniqueConstraint(fields=["job_id", "number"], name="jobs_version_number")]

    def __str__(self) -> str:
        return f"{self.job_id} v{self.number}"
