"""Write the reference pages that follow from the code: `python docs/generate.py [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

REFERENCE = Path(__file__).parent / "reference"
sys.path.insert(0, str(REFERENCE.parents[1]))

WIDTH = 100
COMMANDS_INTRO = """# Commands

Written by `python docs/generate.py` from the commands' own help; do not edit.

- Exit codes: **0** it worked (with `--wait` or `--follow`: the run SUCCEEDED), **1** it did not, **2** wrong
  usage, such as an option, a parameter or a step that does not exist.
- `--json` prints one JSON value on stdout; logs print one object a line, and `job run --follow --json` ends with
  the run itself. A refusal is printed as `{"error": …}` in the shape of the [API](api.md), with the sentence on
  stderr.
- `job` and `run` use the database of this installation: all rights, runs are triggered by `cli` and keep the
  operating-system user. With `--server URL --token T` (or `NOMAFLOW_SERVER` and `NOMAFLOW_TOKEN`) they use a
  server's API and the token's rights.
- `NOMAFLOW_DEBUG=1` shows the traceback behind a sentence.
"""


def pages() -> dict[Path, str]:
    """Each generated page and what must stand in it."""
    return {REFERENCE / "cli.md": commands_page()}


def commands_page() -> str:
    from nomaflow.cli import main

    top = click.Context(main, info_name="nomaflow", terminal_width=WIDTH, **main.context_settings)
    return "\n".join([COMMANDS_INTRO, *(_section(context) for context in _leaves(top))])


def _leaves(parent: click.Context) -> Iterator[click.Context]:
    """Every command that does something, in the order the help lists them."""
    group = parent.command
    if not isinstance(group, click.Group):
        yield parent
        return
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if command is not None and not command.hidden:
            yield from _leaves(click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH))


def _section(context: click.Context) -> str:
    return f"## {context.command_path}\n\n```text\n{context.command.get_help(context)}\n```\n"


def main(*, check: bool) -> int:
    """Write what differs, or with `check` only name it; the number of pages that differed."""
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(f"{'stale' if check else 'written'}: {path.relative_to(REFERENCE.parents[1])}")  # noqa: T201
        if not check:
            path.write_text(pages()[path])
    return len(stale)


if __name__ == "__main__":
    sys.exit(min(main(check="--check" in sys.argv), "--check" in sys.argv))
