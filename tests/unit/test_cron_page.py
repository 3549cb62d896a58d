"""The examples of the reference page are true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jobs_app.cron import CronError, describe, parse
from jobs_app.cron_fields import ALIASES, LONGEST, read

PAGE = (Path(__file__).parents[2] / "docs/reference/cron.md").read_text(encoding="utf-8")


def rows(*head: str) -> list[tuple[str, ...]]:
    """The rows of the page's table with this heading; code marks taken off."""
    table = PAGE.split(f"| {' | '.join(head)} |\n", 1)[1].split("\n\n", 1)[0]
    lines = table.splitlines()[1:]
    return [tuple(cell.strip().replace("`", "") for cell in line.strip("|").split("|")) for line in lines]


def test_short_forms() -> None:
    assert set(rows("Short form", "The same as")) == set(ALIASES.items())


@pytest.mark.parametrize(("expression", "english", "french"), rows("Expression", "English", "French"))
def test_sentences(expression: str, english: str, french: str) -> None:
    assert (describe(expression), describe(expression, "fr")) == (english, french)


@pytest.mark.parametrize(("expression", "answer"), rows("Expression", "Answer"))
def test_refusals(expression: str, answer: str) -> None:
    with pytest.raises(CronError, match=f"^{re.escape(answer)}$"):
        parse(expression)


@pytest.mark.parametrize(
    ("where", "expression", "policy", "fires"),
    rows("Zone and day", "Expression", "Policy", "Fires (UTC)"),
)
def test_clock_changes(where: str, expression: str, policy: str, fires: str) -> None:
    zone, day = where.split(",")[0].split()
    cron = parse(
        expression,
        zone,
        gap="skip" if policy == "skip" else None,
        overlap="both" if policy == "both" else None,
    )
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC)
    near = cron.between(noon - timedelta(days=2), noon + timedelta(days=2))
    found = " ".join(f"{fire:%H:%M}" for fire in near if f"{fire.astimezone(ZoneInfo(zone)):%Y-%m-%d}" == day)
    assert (found or "none") == fires


def quoted() -> Iterator[str]:
    """The expressions the running text quotes."""
    for code in re.findall(r"`([^`\n]+)`", PAGE):
        if len(code.split()) in (5, 6):
            yield code


def test_every_other_expression_is_accepted() -> None:
    refused = {row[0] for row in rows("Expression", "Answer")}
    accepted = [code for code in quoted() if code not in refused]
    assert accepted
    assert all(read(code) for code in accepted)


def test_the_limit_is_the_one_named() -> None:
    assert f"at most {LONGEST:,} characters" in PAGE
