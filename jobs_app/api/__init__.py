"""The REST API: how programs and the pages ask for jobs. Its own rules live here, runs use them too."""

from __future__ import annotations
