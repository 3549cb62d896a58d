from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from jobs_app.querysets import ConnectorQuerySet

CONNECTOR_NAME = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z", _("Use 1 to 64 ASCII letters, digits, '-' or '_'.")
)


class Connector(models.Model):
    """A named place data lives. Secret settings are encrypted and never shown again."""

    name = models.CharField(_("name"), primary_key=True, max_length=64, validators=[CONNECTOR_NAME])
    kind = models.CharField(_("kind"), max_length=32)
    description = models.TextField(_("description"), blank=True)
    config = models.JSONField(default=dict, blank=True)
    """The kind's plain settings."""
    secrets = models.BinaryField(default=b"", blank=True, editable=False)
    """The kind's secret settings, encrypted; see `jobs_app.secrets`."""
    queries = models.JSONField(default=dict, blank=True)
    """Named queries: `{name: {"sql": ..., "write": bool, "params": {...}}}`."""
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ConnectorQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
