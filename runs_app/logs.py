"""The log's table: append in batches, read by sequence number, download."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from runs_app.lifecycle import Claim, Fenced
from runs_app.models import LogLine, Run, StepRun

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
ERROR = LEVELS.index("ERROR")
LARGEST_PAGE = 5_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FENCE = "SELECT 1 FROM runs_run WHERE id = %s AND claim_token = %s AND state = 'RUNNING' FOR SHARE"
_COPY = "COPY runs_logline (run_id, seq, at, level, step, source, logger, message) FROM STDIN"


@dataclass(frozen=True, slots=True)
class Line:
    """One line on its way into the table: cleaned, masked, numbered."""

    seq: int
    at: datetime
    level: int
    step: int
    source: int
    logger: str
    message: str

    def row(self) -> list[Any]:
        """The compact form the live pages read."""
        return [self.seq, ms(self.at), self.level, self.step, self.logger, self.message, self.source]


@dataclass(frozen=True)
class LogPage:
    lines: list[LogLine]
    last: int
    """The largest sequence number in this page, or what was asked for when it is empty."""
    more: bool


def append(claim: Claim, lines: Sequence[Line]) -> None:
    """Store a batch under the claim's fence; all of it or none. `Fenced` when the claim is gone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_FENCE, [claim.number, claim.token])
        if cursor.fetchone() is None:
            raise Fenced(f"run {claim.number}")
        with cursor.copy(_COPY) as copy:
            for line in lines:
                copy.write_row(
                    (
                        claim.number,
                        line.seq,
                        line.at,
                        line.level,
                        line.step,
                        line.source,
                        line.logger,
                        line.message,
                    )
                )


def close(run: Run, message: str) -> None:
    """Add the last line of a run whose owner is gone, in the transaction that ends it."""
    LogLine.objects.create(run=run, seq=last_seq(run.pk) + 1, at=timezone.now(), level=ERROR, message=message)


def last_seq(number: int) -> int:
    """The last stored line's number; 0 when there is none."""
    newest = LogLine.objects.filter(run_id=number).order_by("-seq").values_list("seq", flat=True).first()
    return newest or 0


def read(
    run: Run,
    *,
    after: int = 0,
    before: int | None = None,
    limit: int = 1_000,
    level: str | None = None,
    step: int | None = None,
    q: str | None = None,
    tail: int | None = None,
) -> LogPage:
    """One page in order: the first `limit` lines after `after`, or the last ones before `before` (or of all)."""
    lines = LogLine.objects.filter(run_id=run.pk, seq__gt=after)
    if level:
        lines = lines.filter(level__gte=LEVELS.index(level))
    if step is not None:
        lines = lines.filter(step=step)
    if q:
        lines = lines.filter(message__icontains=q)
    limit = min(tail or limit, LARGEST_PAGE)
    if tail or before is not None:
        if before is not None:
            lines = lines.filter(seq__lt=before)
        found = list(lines.order_by("-seq")[: limit + 1])
        page = found[:limit][::-1]
    else:
        found = list(lines.order_by("seq")[: limit + 1])
        page = found[:limit]
    return LogPage(page, page[-1].seq if page else after, len(found) > limit)


def rows(lines: Iterable[LogLine]) -> list[list[Any]]:
    """`[seq, ts_ms, level, step, logger, message, source]` each."""
    return [
        [
            line.seq,
            ms(line.at),
            line.level,
            line.step,
            line.logger,
            line.message,
            line.source,
        ]
        for line in lines
    ]


def ms(at: datetime) -> int:
    """Whole milliseconds since 1970, cut and not rounded, as every text of the time is."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def download(run: Run) -> Iterator[str]:
    """The whole log as text, one line each: time in UTC, level, step, logger, message."""
    names = dict(StepRun.objects.filter(run_id=run.pk).values_list("position", "name"))
    for line in LogLine.objects.filter(run_id=run.pk).order_by("seq").iterator(chunk_size=5_000):
        yield text(line, names) + "\n"
    if run.log_dropped_lines:
        yield f"# {run.log_dropped_lines} lines ({run.log_dropped_bytes} bytes) beyond the log limit were not kept\n"


def text(line: LogLine, step_names: dict[int, str]) -> str:
    """
    >>> text(LogLine(at=datetime(2026, 5, 1, tzinfo=UTC), level=1, message="ready"), {})
    '2026-05-01T00:00:00.000Z INFO    ready'
    """
    at = line.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    where = "".join(f"[{part}] " for part in (step_names.get(line.step, ""), line.logger) if part)
    return f"{at} {LEVELS[line.level]:<7} {where}{line.message}"
