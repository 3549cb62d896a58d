"""``python -m nomaflow``: the command, for processes that know their Python and not its scripts folder."""

from __future__ import annotations

from nomaflow.cli import main

main(prog_name="nomaflow")
