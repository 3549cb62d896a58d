from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs_app import run_ids


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_shown_ids_come_back(number: int) -> None:
    shown = run_ids.show(number)
    assert run_ids.parse(shown) == run_ids.parse(shown.upper()) == number
    assert len(shown) >= len("run_00000")


@pytest.mark.parametrize("text", ["", "run_", "run_0", "00a8c", "run_00u00", "run_zzzzzzzzzzzzz", "run_00a8c\n"])
def test_what_is_no_run_id(text: str) -> None:
    with pytest.raises(ValueError, match="is no run id"):
        run_ids.parse(text)
