from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from jobs_app import secrets
from nomaflow import registry


@pytest.fixture(autouse=True)
def installation(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """An installation of its own: its step types, connector kinds, plugins, key and env file."""
    settings.NOMAFLOW_STEP_TYPES = {
        "query": "tests.jobs.kinds.Query",
        "copy": "tests.jobs.kinds.Copy",
        "python": "workers.executors.python.Python",
    }
    settings.NOMAFLOW_CONNECTOR_KINDS = {
        "database": "tests.jobs.kinds.Database",
        "directory": "tests.jobs.kinds.Directory",
    }
    home = tmp_path / "installation"
    settings.NOMAFLOW_HOME = home
    settings.NOMAFLOW_PLUGINS_DIR = home / "plugins"
    settings.NOMAFLOW_FERNET_KEYS = [Fernet.generate_key().decode()]
    module = home / "plugins" / "reports" / "summary.py"
    module.parent.mkdir(parents=True)
    module.write_text("def send_summary(ctx, *, period):\n    return {}\n")
    (home / "env").write_text("REPORTING_PASSWORD=s3cret-word\nREPORTING_URL=postgresql://app@db/r\n")
    forget()
    yield home
    forget()


def forget() -> None:
    """Registered classes are loaded once; those loaded so far may hold a fork server."""
    for step_type in registry.step_types().values():
        getattr(step_type, "close", lambda: None)()
    registry.step_types.cache_clear()
    registry.connector_kinds.cache_clear()
    secrets.forget_keys()
