"""The catalogue's filter box: `tag:etl state:failed orders`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

_SYNONYMS = {
    "ABORTED": "CANCELED",
    "CANCELLED": "CANCELED",
    "PARTIAL-SUCCESS": "PARTIAL",
    "SUCCESS": "SUCCEEDED",
}
_LONGEST = 200


@dataclass(frozen=True)
class CardFilter:
    """All words must hold. Tags and states are compared whole, other words as part of id, description or tag."""

    text: str = ""
    tags: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """
        >>> CardFilter.read(" tag:ETL state:aborted orders")
        CardFilter(text='tag:ETL state:aborted orders', tags=('etl',), states=('CANCELED',), words=('orders',))
        """
        text = " ".join(text.replace("\0", "").split())[:_LONGEST]
        found: Mapping[str, list[str]] = {"tag": [], "state": [], "": []}
        for word in text.split():
            name, colon, value = word.partition(":")
            qualified = bool(colon and value) and name.lower() in ("tag", "state")
            found[name.lower() if qualified else ""].append(value if qualified else word)
        return cls(
            text,
            tuple(tag.lower() for tag in found["tag"]),
            tuple(_state(state) for state in found["state"]),
            tuple(word.lower() for word in found[""]),
        )

    def holds(self, card: Any) -> bool:
        """Whether to show the card: anything with `job` and `state`."""
        job = card.job
        tags = [tag.lower() for tag in job.tags]
        told = " ".join((job.pk, job.description, *tags)).lower()
        states = (card.state, "ENABLED" if job.enabled else "DISABLED")
        return (
            all(tag in tags for tag in self.tags)
            and all(state in states for state in self.states)
            and all(word in told for word in self.words)
        )


def _state(word: str) -> str:
    return _SYNONYMS.get(word.upper(), word.upper())
