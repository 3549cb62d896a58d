"""``nomaflow up``, ``down`` and ``status``: one installation as a whole."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from typing import Any

import click

from nomaflow import home as homes
from nomaflow.cli.output import Progress, emit, json_option
from nomaflow.home import Home

WAITING = "Waiting for another `nomaflow up` or `down` …"


@click.command()
@click.option("--detach", is_flag=True, help="Return once everything runs; stop it with `nomaflow down`.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address the web server listens on.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Default: the first free from 8000.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Worker processes.")
@json_option
def up(detach: bool, host: str, port: int, workers: int, as_json: bool) -> None:
    """Start everything. On an empty NOMAFLOW_HOME, set it up first.

    Ctrl-C stops everything again; with --detach, `nomaflow down` does.
    """
    from nomaflow import installation

    _allow_host(host)
    home = homes.current().create()
    progress = Progress(quiet=as_json)
    for name in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
    ):  # a script's background jobs inherit SIGINT ignored
        signal.signal(name, _interrupt)
    wish = installation.Wish(host=host, port=port, workers=workers, detach=detach)
    try:
        with home.locked(within=180, waiting=lambda: progress.say(WAITING)):
            progress.say(f"Nomaflow in {home.path}")
            started = installation.bring_up(home, wish, progress)
    except KeyboardInterrupt:
        progress.say("Stopped; nothing was left running.")
        sys.exit(130)
    if not started.supervisord or detach:
        _report(home, started, as_json=as_json, detach=detach)
        return
    try:
        _report(home, started, as_json=as_json, detach=detach)
        while started.supervisord.poll() is None:
            time.sleep(0.5)
    except KeyboardInterrupt:
        progress.say("")
    _finish(home, progress)


@click.command()
@json_option
def down(as_json: bool) -> None:
    """Stop everything that `nomaflow up` started for this NOMAFLOW_HOME."""
    from nomaflow import installation

    home = homes.current()
    if not home.path.is_dir():
        emit({"was_running": False}, as_json=as_json, text=lambda: "Nomaflow was not running.")
        return
    progress = Progress(quiet=as_json)
    with home.locked(within=180, waiting=lambda: progress.say(WAITING)):
        ran = installation.bring_down(home, progress)
    words = "Nomaflow is stopped." if ran else "Nomaflow was not running."
    emit({"was_running": ran}, as_json=as_json, text=lambda: words)


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Say what is running; exit code 1 unless all of it runs."""
    from nomaflow import installation

    found = installation.status(homes.current())
    emit(found, as_json=as_json, text=lambda: _status_text(found))
    sys.exit(0 if found["state"] == "running" else 1)


def _interrupt(signum: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _allow_host(host: str) -> None:
    """Unless the operator names the hosts, the one listened on and this machine's name are good too."""
    if "NOMAFLOW_ALLOWED_HOSTS" not in os.environ:
        names = dict.fromkeys(["localhost", "127.0.0.1", "[::1]", host, socket.gethostname()])
        os.environ["NOMAFLOW_ALLOWED_HOSTS"] = ",".join(names)


def _report(home: Home, started: Any, *, as_json: bool, detach: bool) -> None:
    """Say where it runs and who may sign in."""
    from nomaflow import firststart

    login = firststart.first_login(home)
    value = {
        "state": "running",
        "already_running": started.supervisord is None,
        "url": started.state["url"],
        "home": str(home.path),
        "user": login.user if login else None,
        "password": login.password if login else None,
    }
    emit(value, as_json=as_json, text=lambda: _report_text(value, detach=detach))


def _report_text(value: dict[str, Any], *, detach: bool) -> str:
    already = value["already_running"]
    lines = ["", f"Nomaflow {'is already running' if already else 'is running'}:  {value['url']}"]
    if value["password"]:
        lines.append(
            f"Sign in as {value['user']} with the password {value['password']} (shown until it is changed)"
        )
    lines.append("Stop it with `nomaflow down`." if already or detach else "Stop it with Ctrl-C.")
    return "\n".join(lines)


def _finish(home: Home, progress: Progress) -> None:
    """After Ctrl-C, a signal, or `nomaflow down` elsewhere: leave nothing behind."""
    from nomaflow import installation

    with home.locked(within=180):
        died = bool(home.state().get("url")) and not installation.supervisor_of(home)
        if died:
            progress.say("The supervisor died; stopping what it left.")
        installation.bring_down(home, progress)
    progress.say("Nomaflow is stopped.")
    sys.exit(1 if died else 0)


def _status_text(found: dict[str, Any]) -> str:
    if found["state"] == "stopped":
        return f"Nomaflow is not running (home {found['home']}); start it with `nomaflow up`."
    lines = [f"Nomaflow is {found['state']}:  {found['url']}  (home {found['home']})"]
    for each in found["processes"]:
        age = "" if each["uptime_s"] is None else f"for {each['uptime_s']} s"
        lines.append(f"  {each['name']:12} {each['state']:10} {each['pid'] or '':>8}  {age}")
    return "\n".join(lines)
