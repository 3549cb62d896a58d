"""Run ids: a number in the database, `run_` and Crockford's base 32 everywhere else."""

from __future__ import annotations

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {char: value for value, char in enumerate(_DIGITS)} | {"o": 0, "i": 1, "l": 1}
_LARGEST = 2**63 - 1


def show(number: int) -> str:
    """
    >>> show(10504)
    'run_00a88'
    """
    text = ""
    while number:
        number, digit = divmod(number, 32)
        text = _DIGITS[digit] + text
    return "run_" + text.rjust(5, "0")


def parse(text: str) -> int:
    """The number of a shown id, whatever its case; `ValueError` for anything else.

    >>> parse("run_00A88")
    10504
    """
    prefix, _sep, digits = text.lower().partition("_")
    if prefix != "run" or not 5 <= len(digits) <= 13 or any(char not in _VALUES for char in digits):
        raise ValueError(f"{text!r} is no run id")
    number = 0
    for char in digits:
        number = number * 32 + _VALUES[char]
    if number > _LARGEST:
        raise ValueError(f"{text!r} is no run id")
    return number
