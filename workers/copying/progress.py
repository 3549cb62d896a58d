"""Batch markers in the log: `▶ batch 12 of 47 · 120 000 rows`."""

from __future__ import annotations

import logging

from workers.copying.ends import Total

_MARKERS = 200
"""A copy of a billion rows may not fill its run's log: beyond this many batches only every n-th is logged."""


def grouped(number: int) -> str:
    """
    >>> grouped(1234567)
    '1 234 567'
    """
    return f"{number:,}".replace(",", " ")


class Progress:
    def __init__(self, batch_size: int, total: Total | None, log: logging.Logger) -> None:
        self._size = batch_size
        self._total = total
        self._log = log
        self._rows = 0
        self._batches = -(-total.rows // batch_size) if total else 0
        self._every = max(1, self._batches // _MARKERS)
        self._logged = 0

    def add(self, rows: int) -> None:
        """Count `rows`; log the batches they complete."""
        self._rows += rows
        done = self._rows // self._size
        if self._total and self._total.exact and self._rows >= self._total.rows:
            done = self._batches
        while self._logged < done:
            self._logged += 1
            if not self._total and self._logged > 10 * _MARKERS * self._every:
                self._every *= 10
            if self._logged % self._every == 0 or self._logged == self._batches:
                self._mark()

    def _mark(self) -> None:
        rows = self._logged * self._size
        if self._total and self._total.exact:
            rows = min(rows, self._total.rows)
        of = f" of {'' if self._total.exact else '~'}{self._batches}" if self._total else ""
        self._log.info("▶ batch %d%s · %s rows", self._logged, of, grouped(rows))
