"""For working on Nomaflow itself: tracebacks in the browser, static files straight from their folders."""

from __future__ import annotations

from settings.base import *  # noqa: F403

DEBUG = True
WHITENOISE_USE_FINDERS = True
