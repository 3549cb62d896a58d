from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.databases import databases
from workers.executors.python import Python

__all__ = ["databases"]


@pytest.fixture(scope="session")
def python_executor() -> Iterator[Python]:
    executor = Python()
    yield executor
    executor.close()


@pytest.fixture
def plugins(tmp_path: Path, settings) -> Path:
    root = tmp_path / "plugins"
    root.mkdir()
    settings.NOMAFLOW_PLUGINS_DIR = root
    settings.NOMAFLOW_CANCEL_GRACE_SECONDS = 1
    return root
