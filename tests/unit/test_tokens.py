"""Every text colour of the palette can be read on every ground it may stand on, in light and in dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).parents[2] / "frontend/src/tokens.css").read_text()
TOKENS = {
    name: colours
    for name, *colours in re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", CSS)
}
GROUNDS = ("bg", "surface", "sunken", "hover")
TEXTS = ("text", "text-2", "text-3", "accent")
STATES = ("succeeded", "running", "failed", "warning", "partial", "queued", "idle")
ANSI = [name for name in TOKENS if name.startswith("ansi-")]


def luminance(colour: str) -> float:
    def linear(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def pairs() -> list[tuple[str, str, float]]:
    found = [(text, ground, 4.5) for text in (*TEXTS, *STATES) for ground in GROUNDS]
    found += [(state, f"{state}-tint", 4.5) for state in STATES]
    found += [(colour, ground, 4.5) for colour in ANSI for ground in ("surface", "hover", "mark")]
    found += [(text, "mark", 4.5) for text in ("text", "text-2", "text-3", "warning", "failed")]
    found += [("on-accent", "accent", 4.5), ("accent", "running-tint", 4.5), ("text", "running-tint", 4.5)]
    found += [("text-2", "running-tint", 4.5), ("text-3", "running-tint", 4.5)]
    found += [("control", ground, 3.0) for ground in ("bg", "surface", "sunken")]
    return found


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "ground", "least"), pairs())
def test_contrast(front: str, ground: str, least: float, theme: int) -> None:
    ratio = contrast(TOKENS[front][theme], TOKENS[ground][theme])
    assert ratio >= least, f"--{front} on --{ground} has {ratio:.2f}:1"


def test_the_palette_was_read() -> None:
    assert len(TOKENS) >= 40
    assert len(ANSI) == 16
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
