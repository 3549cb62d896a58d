"""What every suite shares."""

from __future__ import annotations

from pathlib import Path

import pytest

ONE_AT_A_TIME = {"browser", "system"}
"""Suites that start many processes each: xdist gives them to one of its workers, one after the other."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] in ONE_AT_A_TIME:
            item.add_marker(pytest.mark.xdist_group("machine"))


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The session's server is its own and its role may not create databases: the database itself is the test's."""
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """No suffix for xdist: each worker has a server."""
