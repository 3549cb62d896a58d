"""What is wrong with a definition: the field, the sentence and, when it came from a file, the line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing to mend."""

    field: str
    """Where, as users write it: `schedule`, `steps[2].query`."""
    message: str
    line: int | None = None
    path: Path = dataclasses.field(default=(), compare=False)
    """The same place as keys and positions, from the top of what was checked."""

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.field}: {self.message}" if self.field else where + self.message


class DefinitionError(Exception):
    """A definition that cannot be saved. Every problem is in `problems`, the text lists them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))

    @classmethod
    def one(cls, field: str, message: str, *, line: int | None = None) -> DefinitionError:
        return cls([Problem(field, message, line, (field,) if field else ())])

    def below(self, *prefix: str | int) -> DefinitionError:
        """The same problems, seen from further up."""
        return DefinitionError(
            replace(problem, path=(*prefix, *problem.path), field=show((*prefix, *problem.path)))
            for problem in self.problems
        )


def show(path: Path) -> str:
    """
    >>> show(("steps", 2, "config", "query"))
    'steps[2].config.query'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class Report:
    """Collects problems while a definition is checked, so that one answer names them all."""

    def __init__(self, path: Path = (), problems: list[Problem] | None = None) -> None:
        self._path = path
        self.problems: list[Problem] = [] if problems is None else problems

    def at(self, *path: str | int) -> Report:
        """The report of something further down; what it collects lands here too."""
        return Report((*self._path, *path), self.problems)

    def add(self, message: str, *path: str | int) -> None:
        where = (*self._path, *path)
        self.problems.append(Problem(show(where), message, None, where))

    def add_all(self, messages: Mapping[str, str]) -> None:
        for name, message in messages.items():
            self.add(message, name)

    def raise_if_any(self) -> None:
        if self.problems:
            raise DefinitionError(self.problems)
