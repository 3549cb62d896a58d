"""On which line of a TOML document each value begins. The document has been read already, so it is valid.

>>> lines = locate('[[jobs]]\\nid = "a"\\n\\n[[jobs.steps]]\\nname = "x"\\n')
>>> lines[("jobs", 0, "id")], lines[("jobs", 0, "steps", 0)]
(2, 4)
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from jobs_app.problems import Path

_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[\[\]{}=\n]"
    r"""|[^\[\]{}=\n"'#]+""",
    re.DOTALL,
)
_KEY_PART = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*(?:\.|$)""")


def locate(text: str) -> dict[Path, int]:
    """The line of every table, array entry and key that begins a statement; nested inline values are left out."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for line, kind, key in _statements(text):
        if kind == "=":
            path = (*table, *_parts(key))
        else:
            path = table = _enter(_parts(key), counts, is_array=kind == "[[")
        for length in range(1, len(path) + 1):
            found.setdefault(path[:length], line)
    return found


def line_of(path: Path, lines: dict[Path, int]) -> int | None:
    """The line of a path, or of the nearest thing around it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


def deepest_line(text: str) -> int:
    """The line on which values are nested most deeply, by brackets or by a dotted key."""
    depth, deepest, best, line = 0, 0, 1, 1
    for word in _TOKEN.findall(text):
        depth += _opens(word)
        if depth > deepest:
            deepest, best = depth, line
        line += word.count("\n")
    places = locate(text)
    longest = max(places, key=len, default=())
    return places[longest] if len(longest) > deepest else best


def _opens(word: str) -> int:
    return (word in ("[", "{")) - (word in ("]", "}"))


def _enter(parts: list[str], counts: dict[Path, int], *, is_array: bool) -> Path:
    """The path of a table header: arrays of tables on the way stand for their latest entry."""
    path: Path = ()
    for index, part in enumerate(parts):
        path = (*path, part)
        if is_array and index == len(parts) - 1:
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = (*path, counts[path] - 1)
    return path


def _statements(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, kind (`=`, `[` or `[[`) and key of each statement."""
    line, depth, start, key, in_value = 1, 0, 1, "", False
    for word in _TOKEN.findall(text + "\n"):
        if word == "\n" and not depth:
            if not in_value and key:
                brackets = len(key) - len(key.lstrip("["))
                yield start, key[:brackets], key.strip("[] \t")
            key, in_value = "", False
        elif word == "=" and not in_value:
            yield start, "=", key
            in_value = True
        elif in_value:
            depth += _opens(word)
        elif word.strip() and not word.startswith("#"):
            key, start = key + word, start if key else line
        line += word.count("\n")


def _parts(key: str) -> list[str]:
    return [_unquoted(part) for part in _KEY_PART.findall(key)]


def _unquoted(part: str) -> str:
    """A quoted key means what TOML says it means.

    >>> _unquoted('"a b"')
    'a b'
    """
    return next(iter(tomllib.loads(f"{part} = 0"))) if part[0] in "\"'" else part
