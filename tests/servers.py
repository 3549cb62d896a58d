"""A pytest plugin (`-p tests.servers`): real PostgreSQL and Valkey for the length of the test session.

It is a plugin because Django's settings are read before any conftest. Servers named by NOMAFLOW_DATABASE_URL and
NOMAFLOW_BROKER_URL are used instead; each xdist worker has servers of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import tempfile

from nomaflow import embedded

_stack = contextlib.ExitStack()
atexit.register(_stack.close)

# A worker of xdist inherits the addresses of the controller's servers, and starts its own all the same.
_inherited = "PYTEST_XDIST_WORKER" in os.environ and "NOMAFLOW_TEST_OPS_URL" in os.environ

if _inherited or not os.environ.get("NOMAFLOW_DATABASE_URL"):
    home = _stack.enter_context(tempfile.TemporaryDirectory(prefix="nf-test-", ignore_cleanup_errors=True))
    urls = _stack.enter_context(embedded.servers(fsync=False))
    os.environ |= {
        "NOMAFLOW_HOME": home,
        "NOMAFLOW_DATABASE_URL": urls.database,
        "NOMAFLOW_BROKER_URL": urls.broker,
        "NOMAFLOW_TEST_OPS_URL": urls.ops,
        "NOMAFLOW_TEST_REPORTING_URL": urls.reporting,
    }
