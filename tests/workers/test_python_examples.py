"""The examples that the documentation shows do what it says; the documentation shows exactly them."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from pathlib import Path

import pytest

from nomaflow.types import StepFailed
from plugins.examples import orders
from tests.workers.python_execution import PythonExecution

# region own-test
from nomaflow.testing import FakeSqlConnector, FakeStepContext  # isort: skip


def test_orders_are_counted():
    orders_of_a_day = "create table orders (month text); insert into orders values ('2026-10')"
    shop = FakeSqlConnector(sqlite3.connect(":memory:"), orders_of_a_day)
    ctx = FakeStepContext(connectors={"shop": shop})
    assert orders.count_orders(ctx, period="2026-10") == {"orders": 1}
    assert ctx.lines == [("INFO", "2026-10 has 1 orders")]
    shop.close()


# endregion

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs/howto/python-steps.md"]
SHOWN = re.compile(r"<!-- (\S+) region (\S+) -->\n```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def shop():
    shop = FakeSqlConnector(
        sqlite3.connect(":memory:"),
        "create table orders (id int, month text); create table orders_archive (id int, month text);"
        "insert into orders values (1, '2026-10'), (2, '2026-10'), (3, '2026-11')",
    )
    yield shop
    shop.close()


def test_a_month_is_archived_whole_or_not_at_all(shop):
    ctx = FakeStepContext(connectors={"shop": shop})
    with pytest.raises(StepFailed, match="expected at least 5"):
        orders.archive_orders(ctx, period="2026-10", least=5)
    assert shop.query("select count(*) as n from orders_archive") == [{"n": 0}]
    assert orders.archive_orders(ctx, period="2026-10") == {"rows_affected": 2}
    assert shop.query("select id from orders") == [{"id": 3}]


def test_files_are_shrunk_until_cancelled(tmp_path):
    (tmp_path / "a.txt").write_text("one  \ntwo\t\n")
    assert orders.shrink_files(FakeStepContext(cancelled=True), folder=str(tmp_path)) == {"files": 0}
    assert orders.shrink_files(FakeStepContext(), folder=str(tmp_path)) == {"files": 1}
    assert (tmp_path / "a.txt").read_text() == "one\ntwo\n"


def test_a_missing_connector_is_named():
    with pytest.raises(StepFailed, match="there is no connector 'shop'"):
        orders.count_orders(FakeStepContext(), period="2026-10")


def test_a_file_is_waited_for(tmp_path):
    (tmp_path / "late").write_text("x")
    found = asyncio.run(orders.wait_for_file(FakeStepContext(), path=str(tmp_path / "late")))
    assert found["bytes"] == 1


def test_an_example_runs_as_a_step(python_executor, settings, tmp_path):
    settings.NOMAFLOW_PLUGINS_DIR = ROOT / "plugins"
    (tmp_path / "a.txt").write_text("one  \n")
    ctx = PythonExecution(params={"folder": str(tmp_path), "period": "unused"})
    output = python_executor.run(ctx, {"callable": "examples.orders:shrink_files"})
    assert output == {"files": 1}
    assert ctx.lines.texts(logger="stdout") == ["shrunk a.txt"]


def test_the_pages_show_the_tested_code():
    shown = [found for page in PAGES for found in SHOWN.findall(page.read_text())]
    assert len(shown) == 5
    for path, region, text in shown:
        source = (ROOT / path).read_text()
        begin = source.index(f"# region {region}\n") + len(f"# region {region}\n")
        expected = source[begin : source.index("# endregion", begin)].replace("  # isort: skip", "")
        assert text.strip() == expected.strip(), f"{path} region {region} and its page differ"


def test_python_blocks_of_the_pages_are_all_tested_regions():
    for page in PAGES:
        text = page.read_text()
        assert text.count("```python") == len(SHOWN.findall(text)), page.name


def test_the_fake_connector_gives_the_drivers_own_connection(shop):
    with shop.connection() as link:
        assert isinstance(link, sqlite3.Connection)
