"""Definitions the tests start from."""

from __future__ import annotations

from typing import Any

from jobs_app.definition import World, clean_job
from jobs_app.models import Job
from jobs_app.schedules import save_job

WORLD = World(
    jobs={"upstream": "upstream", "other": "other"},
    depends_on={"other": ("upstream",)},
    connectors={"ops": "database", "reporting": "database", "people": "directory"},
)


def raw_job(job_id: str = "nightly", **fields: Any) -> dict[str, Any]:
    return {"id": job_id, "steps": [python_step()], **fields}


def python_step(name: str = "send", **fields: Any) -> dict[str, Any]:
    return {"name": name, "type": "python", "callable": "reports.summary:send_summary", **fields}


def query_step(name: str = "refresh", **fields: Any) -> dict[str, Any]:
    return {"name": name, "type": "query", "connector": "ops", "query": "select 1", **fields}


def saved(job_id: str = "nightly", **fields: Any) -> Job:
    return save_job(clean_job(raw_job(job_id, **fields)), author="user:ann")


TOML = '''
[[connectors]]
name = "ops"
kind = "database"
url = "postgresql://app:literal-canary@db.example/ops"

[[connectors]]
name = "reporting"
kind = "database"
url  = "postgresql://app@db.example/reporting"
password = "${env:REPORTING_PASSWORD}"
queries = { late = "select * from orders where late" }

[[jobs]]
id = "nightly-reporting-refresh"
description = "refresh the reporting tables from the OLTP database"
schedule = "0 2 * * *"
timezone = "Europe/Paris"
tags = ["etl", "nightly"]
params = { target_connector = "reporting" }
retry  = { attempts = 2, backoff = "fixed", base_seconds = 60 }
alerts = { on_failure = true, on_long_run_minutes = 90 }

  [[jobs.steps]]
  name = "copy-orders"
  type = "copy"
  source = { connector = "ops", schema = "public", table = "orders" }
  target = { connector = "reporting", schema = "public", table = "orders" }
  mode = "overwrite"

  [[jobs.steps]]
  name = "refresh"
  type = "query"
  connector = "reporting"
  query = """
  select "a\\\\b"
  from orders"""

  [[jobs.steps]]
  name = "send-summary"
  type = "python"
  callable = "reports.summary:send_summary"
  op_kwargs = { period = "${date:month.previous}" }

[[jobs]]
id = "after"
depends_on = ["nightly-reporting-refresh"]
[[jobs.steps]]
name = "only"
type = "python"
callable = "reports.summary:send_summary"
kwargs = { period = 2026-01-01 }
'''
