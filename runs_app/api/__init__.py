"""The REST API about runs: start, list, look, cancel."""

from __future__ import annotations
