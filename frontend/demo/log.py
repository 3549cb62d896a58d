"""A log that grows: 12,000 lines at the start, then a few every 200 ms; told over HTTP and WebSocket."""

from __future__ import annotations

import time
from random import Random

NAMES = ["copy-accounts", "refresh-delays-by-carrier", "directory-members", "call-pricing-service", "archive"]
WORDS = ["batch", "rows", "copied", "target", "source", "upsert", "checksum", "carrier", "weather", "members"]
START = 12_000
BEGAN = time.time()
random = Random(11)  # noqa: S311
LINES: list[list[object]] = []


def grow() -> None:
    """Write the lines that are due by now."""
    due = START + int((time.time() - BEGAN) * 12)
    while len(LINES) < due:
        LINES.append(line(len(LINES) + 1))


def line(seq: int) -> list[object]:
    stamp = int((BEGAN - 134) * 1000) + seq * 11
    step = min(4, 1 + seq * 4 // START)
    if seq % 3000 == 1:
        return [seq, stamp, 1, step, "", f"step {NAMES[step - 1]} · type=python · try 1 of 2", 0]
    chance = random.random()
    text = " ".join(random.choices(WORDS, k=random.randint(4, 14)))
    if chance > 0.9985:
        trace = (
            '\n  File "plugins/reports/members.py", line 88, in refresh\nTimeoutError: no answer within 30 s'
        )
        return [seq, stamp, 3, step, "reports.members", "page 14 was not answered" + trace, 1]
    if chance > 0.98:
        return [
            seq,
            stamp,
            2,
            step,
            "reports.members",
            f"slow answer: {random.randint(900, 4000)} ms {text}",
            1,
        ]
    if chance > 0.93:
        return [
            seq,
            stamp,
            1,
            step,
            "reports.members",
            f"\x1b[32mok\x1b[0m \x1b[36m{text}\x1b[0m <b>{seq}</b>",
            1,
        ]
    if chance < 0.08:
        return [seq, stamp, 0, step, "reports.members", f"fetched {text}", 1]
    return [
        seq,
        stamp,
        1,
        step,
        "reports.members" if step == 3 else "",
        f"{seq * 50:,} {text}",
        int(step == 3),
    ]


def page(query: dict[str, int]) -> dict[str, object]:
    """What `…/logs?format=rows` answers: the last lines, those after a seq, or those before one."""
    grow()
    limit = query.get("limit", 5000)
    if "tail" in query:
        rows = LINES[-query["tail"] :]
    elif "before" in query:
        rows = LINES[max(0, query["before"] - 1 - limit) : query["before"] - 1]
    else:
        rows = LINES[query.get("after", 0) :][:limit]
    last = rows[-1][0] if rows else 0
    return {"lines": rows, "last": last, "more": "after" in query and bool(rows) and last < len(LINES)}
