"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tests.house.files import sources, text

MODULES = [
    ".".join(path.with_suffix("").parts)
    for path in sources(tests=False)
    if ">>> " in text(path) and len(path.parts) > 1
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    done = doctest.testmod(importlib.import_module(name))
    assert done.attempted
    assert not done.failed, "see the captured output"
