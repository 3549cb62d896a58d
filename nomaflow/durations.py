"""Durations as people read them."""

from __future__ import annotations


def duration(milliseconds: float | None) -> str:
    """Milliseconds as text; an empty text for None.

    >>> duration(41), duration(1200), duration(59_990), duration(134_000), duration(11_100_000)
    ('41 ms', '1.2 s', '59.9 s', '2 m 14 s', '3 h 05 m')
    """
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{round(milliseconds)} ms"
    if milliseconds < 60_000:
        return f"{int(milliseconds // 100) / 10:.1f} s"
    minutes, seconds = divmod(int(milliseconds // 1000), 60)
    if minutes < 60:
        return f"{minutes} m {seconds:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m"
