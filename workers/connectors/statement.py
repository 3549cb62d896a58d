"""Reading SQL just far enough: where `:name` parameters stand, and where a statement ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nomaflow.types import StepFailed

# Text the server reads as one piece comes first, so that a colon or semicolon in it means nothing.
_TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]* )
    | (?P<block> /\* )
    | (?P<string> \b[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" )
    | (?P<dollar> (?<![\w$])\$(?P<tag>[A-Za-z_\x80-\U0010ffff][\w]*)?\$ )
    | (?P<cast> :: | := )
    | (?P<name> (?<![\w:\])]):(?P<key>[A-Za-z_]\w*) )
    | (?P<word> [A-Za-z_][\w$]* )
    | (?P<end> ; )
    | (?P<other> \S )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_BODIES = {"FUNCTION", "PROCEDURE", "TRIGGER"}
_WRITES = {"INTO", "INSERT", "UPDATE", "DELETE", "MERGE"}


@dataclass(frozen=True)
class Statement:
    """One SQL statement, cut into literal text and parameter names.

    >>> Statement.read("select :day::date, ':no' -- :no").names
    ('day',)
    """

    pieces: tuple[str, ...]
    """Literal text at even positions, parameter names at odd ones."""
    words: tuple[str, ...]
    """Bare words in upper case, in order."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.pieces[1::2]))

    @property
    def streams(self) -> bool:
        """True when it certainly only returns rows."""
        return (
            bool(self.words)
            and self.words[0] in ("SELECT", "VALUES", "TABLE", "WITH")
            and not (_WRITES & set(self.words))
        )

    def render(self, *, literal: Callable[[str], str], parameter: Callable[[str], str]) -> str:
        """The text with each piece passed through the function of its sort."""
        return "".join(
            parameter(piece) if position % 2 else literal(piece) for position, piece in enumerate(self.pieces)
        )

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The value of each name; `StepFailed` names one that is missing."""
        missing = [name for name in self.names if name not in params]
        if missing:
            raise StepFailed(
                f"the statement uses :{missing[0]}, but there is no parameter of that name", retry=False
            )
        return {name: params[name] for name in self.names}

    @classmethod
    def read(cls, text: str) -> Statement:
        """Cut `text`; `StepFailed` when it is empty or holds a second statement."""
        return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.pieces: list[str] = []
        self.words: list[str] = []
        self.start = 0
        self.depth = 0
        self.ended: int | None = None

    def read(self) -> Statement:
        position = 0
        while match := _TOKEN.search(self.text, position):
            position = self._take(match)
        tail = self.text[self.start : self.ended]
        if not self.words and not self.pieces:
            raise StepFailed("the statement is empty", retry=False)
        return Statement((*self.pieces, tail.rstrip() if self.ended is not None else tail), tuple(self.words))

    def _take(self, match: re.Match[str]) -> int:
        if match["block"]:
            return self._after_comment(match.end())
        if match["comment"]:
            return match.end()
        if self.ended is not None and not match["end"]:
            raise StepFailed("one statement is allowed here, and a second one follows the ';'", retry=False)
        if match["dollar"]:
            close = self.text.find(match["dollar"], match.end())
            return len(self.text) if close < 0 else close + len(match["dollar"])
        if match["name"]:
            self.pieces += [self.text[self.start : match.start()], match["key"]]
            self.start = match.end()
        elif match["word"]:
            self._word(match["word"].upper())
        elif match["end"] and self.depth == 0 and self.ended is None:
            self.ended = match.start()
        return match.end()

    def _word(self, word: str) -> None:
        """The body of a routine, BEGIN … END, is part of its CREATE statement."""
        self.words.append(word)
        if self.words[0] == "CREATE" and _BODIES & set(self.words[:6]):
            if word in ("BEGIN", "CASE"):
                self.depth += 1
            elif word == "END" and self.depth:
                self.depth -= 1

    def _after_comment(self, position: int) -> int:
        """Block comments nest."""
        depth = 1
        while depth and (edge := _COMMENT_EDGE.search(self.text, position)):
            depth += 1 if edge[0] == "/*" else -1
            position = edge.end()
        return len(self.text) if depth else position
