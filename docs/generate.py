"""Write the reference pages that follow from the code: ``python -m docs.generate [--check]``.

With ``--check`` nothing is written; the exit code is 1 when a page differs from what the code says.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from docs import environment

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Written by `make docs` from the code; do not edit. -->"


def main(arguments: Sequence[str]) -> int:
    _load_django()
    differing = [
        name for name, make in PAGES.items() if not _settle(name, make(), check="--check" in arguments)
    ]
    for name in differing:
        print(f"docs/reference/{name} is out of date: run `make docs`", file=sys.stderr)  # noqa: T201
    return 1 if differing else 0


def _settle(name: str, text: str, *, check: bool) -> bool:
    path = FOLDER / name
    if check:
        return path.exists() and path.read_text(encoding="utf-8") == text
    path.write_text(text, encoding="utf-8")
    return True


def _load_django() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "settings.base"  # the tests know a step type more
    django.setup()


def page(title: str, *parts: str) -> str:
    return "\n\n".join((NOTE, f"# {title}", *parts)) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """
    >>> print(table(["Name", "Means"], [["a", "b|c"]]))
    | Name | Means |
    |---|---|
    | a | b\\|c |
    """
    lines = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in (head, *rows)]
    shown = [f"| {' | '.join(cells)} |" for cells in lines]
    return "\n".join((shown[0], "|" + "---|" * len(head), *shown[1:]))


def settings_page() -> str:
    head = ("Name", "Kind", "Default", "Meaning")
    own = [name for name in environment.found() if name in environment.INTERNAL]
    rows = [
        (
            f"`{name}`",
            known.kind,
            f"`{known.default}`" if known.default else "",
            environment.SENTENCES.get(name, ""),
        )
        for name, known in environment.found().items()
        if name not in own
    ]
    return page(
        "Settings",
        "Nomaflow reads these from the environment when a process starts. A wrong value stops the start and is "
        "named. `settings.prod` also demands the ones its error names.",
        table(head, rows),
        "Set by Nomaflow itself for the processes it starts: " + ", ".join(f"`{name}`" for name in own) + ".",
        "A process's variables whose names begin with `NOMAFLOW_VAR_` can be used in jobs as `${env:NOMAFLOW_VAR_…}`; "
        "so can every name in the file `env` of the home.",
    )


def states_page() -> str:
    from runs_app import states

    def moves(sources: dict[str, frozenset[str]], final: frozenset[Any]) -> str:
        rows = [
            (f"`{state}`", "yes" if state in final else "", ", ".join(f"`{s}`" for s in sorted(origins)))
            for state, origins in sources.items()
        ]
        return table(("State", "Final", "Reached from"), rows)

    return page(
        "States and reasons",
        "What each word means stands in the [glossary](../glossary.md). `BORN` is a row that did not exist before.",
        "## Runs",
        moves(states.RUN_SOURCES, states.FINAL),
        "## Steps",
        moves(states.STEP_SOURCES, states.STEP_FINAL),
        "## Reason codes",
        ", ".join(f"`{reason}`" for reason in states.Reason.values),
    )


def step_types_page() -> str:
    from nomaflow import registry

    parts = []
    for name, kind in registry.step_types().items():
        facts = [
            f"{kind.label}. {'A repeat is safe' if kind.idempotent else 'A repeat may do the work twice'}"
        ]
        facts.append("unless the step says otherwise.")
        parts += [f"## `{name}`", " ".join([*facts, str(kind.cancel_note)]).strip(), _fields(kind.fields)]
    return page("Step types", "Every field of each step type, as TOML and the API name them.", *parts)


def connector_kinds_page() -> str:
    from nomaflow import registry

    parts = []
    for name, kind in registry.connector_kinds().items():
        parts += [f"## `{name}`", f"{kind.label}.", _fields(kind.fields)]
    return page("Connector kinds", "Every field of each kind of connector.", *parts)


def _fields(fields: Iterable[Any]) -> str:
    head = ("Field", "Kind", "Required", "Default", "Meaning")
    rows = [
        (
            f"`{field.name}`",
            "one of " + ", ".join(f"`{each}`" for each in field.choices) if field.choices else field.kind,
            "yes" if field.required else "",
            "" if field.default in (None, "", {}, []) else f"`{field.default}`",
            " ".join(str(field.help or field.label).split()) + (" Kept encrypted." if field.secret else ""),
        )
        for field in fields
    ]
    return table(head, rows)


def commands_page() -> str:
    from nomaflow.cli import main as group

    context = click.Context(group, info_name="nomaflow")
    parts = [
        part
        for name in group.list_commands(context)
        for part in _command(group.get_command(context, name), context, name)
    ]
    return page(
        "Commands",
        "After `make up` the command is `.venv/bin/nomaflow`. Every command takes `--json` and `--help`.",
        "Exit code 0: it worked (with `--wait` or `--follow`: the run SUCCEEDED); 1: it did not; 2: wrong usage, such "
        "as an option, a parameter or a step that does not exist. With `--json` a refusal is printed as "
        '`{"error": …}` in the shape of the [API](api.md), with the sentence on stderr.',
        "`job` and `run` use the database of this installation: all rights, runs are triggered by `cli` and keep the "
        "operating-system user. With `--server URL --token T` (or `NOMAFLOW_SERVER` and `NOMAFLOW_TOKEN`) they use a "
        "server's API and the token's rights. `NOMAFLOW_DEBUG=1` shows the traceback behind a sentence.",
        *parts,
    )


def _command(command: click.Command | None, parent: click.Context, name: str) -> list[str]:
    if command is None or command.hidden:
        return []
    context = click.Context(command, info_name=name, parent=parent)
    if isinstance(command, click.Group):
        return [
            part
            for below in command.list_commands(context)
            for part in _command(command.get_command(context, below), context, below)
        ]
    rows = [record for each in command.get_params(context) if (record := each.get_help_record(context))]
    usage = " ".join((context.command_path, *command.collect_usage_pieces(context)))
    parts = [f"## `{context.command_path}`", f"    {usage}", " ".join((command.help or "").split())]
    return [*parts, table(("Option", "Meaning"), [(f"`{names}`", words) for names, words in rows])]


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "connector-kinds.md": connector_kinds_page,
    "settings.md": settings_page,
    "states.md": states_page,
    "step-types.md": step_types_page,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
