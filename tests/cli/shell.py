"""Types commands as a script would."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner

from nomaflow.cli import main


class Shell:
    """`where` are the options that choose a server; without them the database is used."""

    def __init__(self, *where: str) -> None:
        self.where = where

    def __call__(self, *words: str, stdin: str | None = None, code: int = 0) -> str:
        """The output (both streams) of a command that must end with `code`."""
        return self._run(words, stdin, code).output

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self._run((*words, "--json"), None, code).stdout)

    def json_lines(self, *words: str, code: int = 0) -> list[Any]:
        return [json.loads(line) for line in self._run((*words, "--json"), None, code).stdout.splitlines()]

    def _run(self, words: tuple[str, ...], stdin: str | None, code: int) -> Any:
        result = CliRunner().invoke(main, [*words, *self.where], input=stdin)
        assert result.exit_code == code, (result.output, result.exception)
        return result
