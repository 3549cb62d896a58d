"""Debian's own cron, its clock faked and sped up, through the nights the clocks change.

Each daemon runs in a mount namespace of its own, so the machine's crontabs are neither read nor touched.
Needs root, the `cron` and `faketime` packages, and about 90 seconds; skipped where they are missing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jobs_app.cron import parse
from tests import components

pytestmark = pytest.mark.system

SPEED = 90  # a minute of the night passes in two thirds of a second
MINUTE = timedelta(minutes=1)
# After a gap cron works off the skipped minutes one by one, ten seconds apart where a job was due: few of
# them, or the last would run in the next minute.
EXPRESSIONS = [
    *("* * * * *", "*/15 * * * *", "7 * * * *", "*/20 2 * * *", "10 */2 * * *", "0 1-3 * * *"),
    *("0 2 * * *", "30 2 * * *", "45 1 * * *", "5 3 * * *", "15,45 2 * * *", "0,30 1-3 * * *"),
    *("30 2 1 * sun", "30 2 * * mon", "0-30/15 2 * * *", "30 2 */2 * *"),
]
SANDBOX = """
set -e
for place in /run /etc/cron.d /var/spool/cron; do mount -t tmpfs none $place; done
mkdir -p /var/spool/cron/crontabs
mount --bind /dev/null /etc/crontab
cp "$1/crontab" /etc/cron.d/oracle
date +%s.%N > "$1/began"
exec faketime -f "$2" cron -f -L 0
"""


@dataclass(frozen=True)
class Night:
    """A night in a zone, as minutes of real time ``start < t <= end`` (UTC)."""

    zone: str
    start: datetime
    end: datetime


def night(zone: str, start: str, minutes: int) -> Night:
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    return Night(zone, begin, begin + minutes * MINUTE)


NIGHTS = [
    night("Europe/Paris", "2026-03-29T00:57", 45),
    night("Europe/Paris", "2026-10-24T23:57", 126),
    night("America/New_York", "2026-03-08T06:57", 45),
    night("Australia/Lord_Howe", "2026-10-03T15:27", 45),
    night("Australia/Lord_Howe", "2026-04-04T14:27", 75),
    night("Africa/Casablanca", "2026-03-22T01:57", 45),
]


@pytest.fixture
def sandbox() -> None:
    """Root, its mount namespaces, and the two programs."""
    components.need("cron", "faketime")
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("mount namespaces are for root, where the machine allows them")


def start(night: Night, place: Path) -> subprocess.Popen[bytes]:
    """Start a daemon whose clock shows half a minute past the night's first minute."""
    lines = [
        f"{expression} root echo {number} $(date +\\%s.\\%N) >> {place}/fires\n"
        for number, expression in enumerate(EXPRESSIONS)
    ]
    (place / "crontab").write_text('MAILTO=""\n' + "".join(lines))
    shown = (night.start + MINUTE / 2).astimezone(ZoneInfo(night.zone))
    return subprocess.Popen(
        ["unshare", "-m", "sh", "-c", SANDBOX, "sh", str(place), f"@{shown:%Y-%m-%d %H:%M:%S} x{SPEED}"],
        env={**os.environ, "TZ": night.zone},
        start_new_session=True,
    )


def crons_fires(night: Night, place: Path) -> set[tuple[str, datetime]]:
    """What cron ran and in which minute of the night, told from the real time at which it ran."""
    began = float((place / "began").read_text())
    fires = set()
    for line in (place / "fires").read_text().splitlines():
        number, at = line.split()
        fake = night.start + MINUTE / 2 + timedelta(seconds=(float(at) - began) * SPEED)
        minute = fake.replace(second=0, microsecond=0)
        if minute <= night.end:
            fires.add((EXPRESSIONS[int(number)], minute))
    return fires


def our_fires(night: Night) -> set[tuple[str, datetime]]:
    return {
        (expression, fire)
        for expression in EXPRESSIONS
        for fire in parse(expression, night.zone).between(night.start, night.end)
    }


def stop(daemon: subprocess.Popen[bytes]) -> None:
    os.killpg(daemon.pid, signal.SIGTERM)  # faketime does not pass it on to cron
    daemon.wait(timeout=30)


@pytest.mark.usefixtures("sandbox")
def test_the_clock_change_nights_agree_with_debians_cron(tmp_path: Path) -> None:
    longest = max(night.end - night.start for night in NIGHTS)
    places = [tmp_path / str(number) for number, _ in enumerate(NIGHTS)]
    with ExitStack() as daemons:
        for night, place in zip(NIGHTS, places, strict=True):
            place.mkdir()
            daemons.callback(stop, start(night, place))
        time.sleep((longest + 2 * MINUTE).total_seconds() / SPEED)  # the nights pass by themselves
    for night, place in zip(NIGHTS, places, strict=True):
        assert crons_fires(night, place) ^ our_fires(night) == set(), f"{night.zone}, {night.start:%d %B %Y}"
