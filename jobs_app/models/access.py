from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class PermissionRule(models.Model):
    """One pattern a user or group holds, such as `job:nomajde-*:run`; a leading `!` denies and wins."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE)
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE)
    pattern = models.CharField(_("pattern"), max_length=200)

    class Meta:
        default_related_name = "permission_rules"
        constraints = [
            models.CheckConstraint(
                name="jobs_rule_one_holder",
                condition=models.Q(user__isnull=False, group__isnull=True)
                | models.Q(user__isnull=True, group__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["user", "group", "pattern"], nulls_distinct=False, name="jobs_rule_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.pattern


class Token(models.Model):
    """An API token. Only its digest is stored; the token itself is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    """Permission patterns the token is narrowed to; empty means all its user may do."""
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class AuditEvent(models.Model):
    """Who did what, when, from where, old and new. Rows are only ever added."""

    at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=64)
    """Dotted, such as `job.saved`, `run.requested`, `token.created`."""
    object_kind = models.CharField(max_length=32, blank=True)
    object_id = models.CharField(max_length=150, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["object_kind", "object_id", "-id"], name="jobs_audit_object"),
            models.Index(fields=["actor", "-id"], name="jobs_audit_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.object_id}"
