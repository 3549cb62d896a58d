"""The reference tells what is there: generated pages are fresh, every endpoint is described."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tests.api.routes import all_routes

DOCS = Path(__file__).parents[2] / "docs"


def test_generated_pages_are_fresh() -> None:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec
    assert spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for path, text in generate.pages().items():
        assert path.read_text() == text, "run python docs/generate.py"


def test_every_endpoint_is_described() -> None:
    text = (DOCS / "reference" / "api.md").read_text()
    shown = [r.replace("<job_id:job_id>", "<id>").replace("<run_id:run>", "<run_id>") for r in all_routes()]
    assert [route for route in shown if route.startswith("admin/jobs") and f"/{route}`" not in text] == []
