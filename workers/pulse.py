"""Signs of life: `nomaflow up` gives each worker and beat the name of a file, and looks at the file's age.

A worker that cannot reach the broker gives no sign, nor does one that dies over and over below its warden.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

VARIABLE = "NOMAFLOW_PULSE"


def beat() -> None:
    """Say that this process works; does nothing where nobody looks."""
    path = os.environ.get(VARIABLE)
    if path:
        with contextlib.suppress(OSError):  # the folder goes before the last process does
            Path(path).touch()


def stop() -> None:
    """Take the sign back: the process died, or has yet to start."""
    path = os.environ.get(VARIABLE)
    if path:
        with contextlib.suppress(OSError):
            Path(path).unlink(missing_ok=True)
