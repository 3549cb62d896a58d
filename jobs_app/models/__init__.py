"""What should run: definitions, connectors, and who may touch them."""

from __future__ import annotations

from jobs_app.models.access import AuditEvent, PermissionRule, Token
from jobs_app.models.connector import Connector
from jobs_app.models.job import Job, JobVersion, Step

__all__ = ["AuditEvent", "Connector", "Job", "JobVersion", "PermissionRule", "Step", "Token"]
