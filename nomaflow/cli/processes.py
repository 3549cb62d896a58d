"""The three kinds of process: ``web``, ``worker``, ``beat``. Each runs until it is stopped."""

from __future__ import annotations

import logging
import os
import sys

import click

from nomaflow.cli.output import json_option


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--proxies",
    envvar="NOMAFLOW_PROXIES",
    default="127.0.0.1",
    show_default=True,
    help="Addresses (by commas) of proxies that may say who the client is and whether it came by TLS.",
)
@json_option
def web(host: str, port: int, proxies: str, as_json: bool) -> None:
    """Run the web server."""
    import uvicorn

    _prepare("web", as_json)
    uvicorn.run(
        "nomaflow.asgi:application",
        host=host,
        port=port,
        lifespan="off",
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=5,
        ws_ping_interval=20,
        ws_max_size=64 * 1024,  # browsers send only small commands
        access_log=False,
    )


@click.command()
@click.option("--pool", "pools", default="default", show_default=True, help="Pools to serve, by commas.")
@click.option(
    "--concurrency", default=4, show_default=True, type=click.IntRange(1, 256), help="Runs at once."
)
@click.option(
    "--drain",
    envvar="NOMAFLOW_DRAIN_SECONDS",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds that running work has to end after SIGTERM.",
)
@json_option
def worker(pools: str, concurrency: int, drain: float, as_json: bool) -> None:
    """Run a worker: a warden with a Celery worker below it. SIGTERM drains it."""
    from workers.warden import Warden, worker_command

    _prepare("worker", as_json)
    sys.exit(Warden(worker_command(pools=pools, concurrency=concurrency), drain=drain).run())


@click.command()
@json_option
def beat(as_json: bool) -> None:
    """Run the scheduler. Several may run: each due job fires once."""
    from workers import pulse

    _prepare("beat", as_json)
    pulse.stop()
    celery = [sys.executable, "-m", "celery", "--app", "workers", "beat"]
    options = ["--scheduler", "workers.scheduler:NomaScheduler", "--loglevel", "INFO", "--pidfile", ""]
    os.execv(sys.executable, [*celery, *options])  # noqa: S606


def _prepare(process: str, as_json: bool) -> None:
    """These commands print logs: ``--json`` asks for JSON lines, as ``NOMAFLOW_LOG_JSON=1`` does."""
    os.environ["NOMAFLOW_PROCESS"] = process
    if as_json:
        os.environ["NOMAFLOW_LOG_JSON"] = "1"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.base")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
