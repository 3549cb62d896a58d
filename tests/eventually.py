"""Wait for what must come to be, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(question: Callable[[], T], *, within: float = 30.0, every: float = 0.05) -> T:
    """The first true answer; the last `AssertionError` or a plain one when `within` seconds brought none."""
    deadline = time.monotonic() + within
    while True:
        try:
            answer = question()
            if answer:
                return answer
            problem: AssertionError = AssertionError(f"still {answer!r} after {within:g} s")
        except AssertionError as error:
            problem = error
        if time.monotonic() > deadline:
            raise problem
        time.sleep(every)
