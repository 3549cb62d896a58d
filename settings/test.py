"""What the test suite changes: quicker passwords, nothing else that would make it another product."""

from __future__ import annotations

import os

# Before base reads it: the same in every process of a test.
os.environ.setdefault("NOMAFLOW_SECRET_KEY", "test")

from settings.base import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["TEST"] = {"NAME": DATABASES["default"]["NAME"]}  # noqa: F405
NOMAFLOW_STEP_TYPES = {**NOMAFLOW_STEP_TYPES, "puppet": "tests.puppet.Puppet"}  # noqa: F405
WHITENOISE_AUTOREFRESH = True  # no collected files to look for …
WHITENOISE_USE_FINDERS = True  # … the built ones are served where they lie
