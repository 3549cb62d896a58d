"""For servers behind TLS: refuses to start without secrets and addresses of its own."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from settings import env
from settings.base import *  # noqa: F403

REQUIRED = (
    "NOMAFLOW_SECRET_KEY",
    "NOMAFLOW_FERNET_KEYS",
    "NOMAFLOW_ALLOWED_HOSTS",
    "NOMAFLOW_DATABASE_URL",
    "NOMAFLOW_BROKER_URL",
)
_missing = [name for name in REQUIRED if not env.text(name)]
if _missing:
    raise ImproperlyConfigured(f"{', '.join(_missing)} must be set with settings.prod")

# NOMAFLOW_TLS=0 is for a trial without a certificate; then nothing here may insist on one.
_TLS = env.boolean("NOMAFLOW_TLS", True)
SESSION_COOKIE_SECURE = _TLS
CSRF_COOKIE_SECURE = _TLS
SECURE_HSTS_SECONDS = 3600 * 24 * 30 if _TLS else 0
