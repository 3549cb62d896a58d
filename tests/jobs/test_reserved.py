from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import get_resolver

from jobs_app.dates import NAMES
from jobs_app.definition import ORDER
from jobs_app.reserved import RESERVED_IDS
from jobs_app.step_definition import COMMON

PLACES = ("admin/jobs/", "nomaflow/jobs/")
MANUAL = Path(__file__).parents[2] / "docs" / "reference" / "toml.md"


def routes(patterns: Any, prefix: str = "") -> Iterator[str]:
    for entry in patterns:
        route = prefix + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from routes(entry.url_patterns, route)
        else:
            yield route


def test_no_job_can_hide_behind_a_fixed_address() -> None:
    found = {
        route.removeprefix(place).split("/")[0].split("<")[0]
        for route in routes(get_resolver().url_patterns)
        for place in PLACES
        if route.startswith(place)
    }
    assert found - {""} <= RESERVED_IDS


@pytest.mark.parametrize("name", [*ORDER, *COMMON, *NAMES])
def test_the_manual_names_every_field_and_date(name: str) -> None:
    assert f"`{name}`" in MANUAL.read_text(encoding="utf-8")
