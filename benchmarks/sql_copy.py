"""`sql_copy` beside `psql COPY | psql COPY`: the same rows, the same server, interleaved pairs, medians."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.stage import stage
from nomaflow.embedded import client_program
from tests.executions import SimpleExecution
from workers.executors.sql_copy import SqlCopy

LIMIT = 0.85
_SOURCE = """
create table copy_source as
select g::bigint as id, (g % 9973)::int as customer, (g % 7)::smallint as kind,
       lpad((g % 100000)::text, 8)::char(8) as code, 'order ' || g as label, repeat('名前', g % 4) as local_name,
       'Ελλάδα ' || g % 50 as region, 120000 + g % 366 as julian, g * 100 + 37 as implied_decimals,
       (g * 1.37)::numeric(14, 2) as price, (g % 997) / 7.0::numeric as rate,
       sqrt(g)::float8 as score, g % 3 = 0 as paid,
       timestamp '2024-01-01' + g * interval '1 second' as placed,
       timestamptz '2024-01-01 00:00+00' + g * interval '1 min' as seen,
       date '2020-01-01' + (g % 2000)::int as due,
       jsonb_build_object('n', g, 'tags', array['a', 'b']) as extra,
       case when g % 5 > 0 then E'a\\tb\\nc\\\\d''' || g end as note, null::text as nothing
from generate_series(1, %s) g
"""


def prepare(url: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop table if exists copy_source, copy_target, copy_yardstick")
        connection.execute(_SOURCE.replace("%s", str(rows)))
        for name in ("copy_target", "copy_yardstick"):
            connection.execute(f"create table {name} (like copy_source, primary key (id))")
        connection.execute("vacuum analyze copy_source")
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute("checkpoint")


def yardstick(url: str) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop table if exists copy_yardstick")
        connection.execute("create table copy_yardstick (like copy_source, primary key (id))")
    program = str(client_program("psql"))
    started = time.perf_counter()
    with subprocess.Popen(
        [program, "-XqAt", url, "-c", "copy copy_source to stdout (format binary)"], stdout=subprocess.PIPE
    ) as out:
        subprocess.run(
            [program, "-Xq", url, "-c", "copy copy_yardstick from stdin (format binary)"],
            stdin=out.stdout, check=True,
        )  # fmt: skip
    return time.perf_counter() - started


def ours(url: str, rows: int) -> float:
    step = SqlCopy()
    place = {"connector": "bench", "schema": "public"}
    config = step.clean(
        {"source": {**place, "table": "copy_source"}, "target": {**place, "table": "copy_target"}}
    )
    execution = SimpleExecution(connectors={"bench": {"kind": "postgres", "config": {"url": url}}})
    started = time.perf_counter()
    output = step.run(execution, config)
    elapsed = time.perf_counter() - started
    if output["target_rows"] != rows:
        raise SystemExit(f"{output['target_rows']} of {rows} rows arrived")
    return elapsed


def measure(*, quick: bool = False) -> list[dict[str, Any]]:
    """On an embedded server; `quick` with few rows."""
    with stage():
        url = os.environ["NOMAFLOW_DATABASE_URL"]
        return compare(url, rows=50_000, pairs=2) if quick else compare(url, rows=1_000_000, pairs=5)


def compare(url: str, *, rows: int, pairs: int) -> list[dict[str, Any]]:
    """Medians of interleaved pairs: rows a second of both, and the median of the pairs' ratios."""
    prepare(url, rows)
    yardstick(url)
    taken = []
    for turn in range(pairs):
        first, second = (yardstick(url), ours(url, rows)) if turn % 2 else (ours(url, rows), yardstick(url))
        taken.append((second, first) if turn % 2 else (first, second))
    mine, theirs = (statistics.median(pair[side] for pair in taken) for side in (0, 1))
    ratio = statistics.median(pair[1] / pair[0] for pair in taken)
    return [
        {
            "name": "sql_copy PG→PG",
            "value": round(rows / mine),
            "unit": "rows/s",
            "limit": LIMIT,
            "ratio": round(ratio, 3),
        },
        {
            "name": "psql COPY | psql COPY",
            "value": round(rows / theirs),
            "unit": "rows/s",
            "limit": None,
            "ratio": 1.0,
        },
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--url", default=os.environ.get("NOMAFLOW_DATABASE_URL"))
    chosen = parser.parse_args()
    found = compare(chosen.url, rows=chosen.rows, pairs=chosen.pairs)
    print(json.dumps(found, indent=2, ensure_ascii=False))
