"""What every suite shares."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The session's server is its own and its role may not create databases: the database itself is the test's."""
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """No suffix for xdist: each worker has a server."""
