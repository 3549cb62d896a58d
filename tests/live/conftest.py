from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web import Web, web_process


@pytest.fixture(scope="session")
def web(django_db_setup: None) -> Iterator[Web]:
    with web_process() as web:
        yield web
