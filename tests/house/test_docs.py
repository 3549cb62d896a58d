"""The documentation names what is there, and all of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs import environment
from runs_app.states import Reason, RunState, StepState
from tests.house.files import ROOT, text, tracked

PAGES = [path for path in tracked() if path.suffix == ".md"]
_LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
WRITTEN_BY_TESTS = {"docs/images/run.png"}


@pytest.mark.parametrize("word", sorted({*RunState.values, *StepState.values, *Reason.values}))
def test_every_state_and_reason_is_in_the_glossary(word: str) -> None:
    assert f"`{word}`" in text(Path("docs/glossary.md"))


def test_the_changelog_tells_of_unreleased_work() -> None:
    unreleased = text(Path("CHANGELOG.md")).split("## Unreleased", 1)[1].split("\n## ", 1)[0]
    assert re.search(r"^- \S", unreleased, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    missing = []
    for target in _LINK.findall(_FENCED.sub("", text(page))):
        address, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", address):
            continue
        found = (ROOT / page.parent / address).resolve() if address else ROOT / page
        there = found.exists() or str(found.relative_to(ROOT)) in WRITTEN_BY_TESTS
        if not there or (anchor and found.suffix == ".md" and anchor not in anchors(found)):
            missing.append(target)
    assert missing == []


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_index() -> None:
    """Directly or over other pages."""
    seen: set[Path] = set()
    waiting = [ROOT / "docs/README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        links = (target.partition("#")[0] for target in _LINK.findall(page.read_text(encoding="utf-8")))
        waiting += [(page.parent / link).resolve() for link in links if link and ":" not in link]
    assert [str(page) for page in PAGES if page.parts[0] == "docs" and ROOT / page not in seen] == []


def test_every_setting_is_explained() -> None:
    assert {*environment.SENTENCES, *environment.INTERNAL} == set(environment.found())


def test_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
