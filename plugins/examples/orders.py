"""Examples of python steps. Each is run by a test; docs/howto/python-steps.md shows them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from nomaflow.types import StepContext, StepFailed

log = logging.getLogger(__name__)


# region first
def count_orders(ctx: StepContext, *, period: str) -> dict:
    """Count the orders of one month."""
    shop = ctx.get_connector("shop")
    rows = shop.query("select count(*) as n from orders where month = :period", {"period": period})
    ctx.log.info("%s has %s orders", period, rows[0]["n"])
    return {"orders": rows[0]["n"]}


# endregion


# region transaction
def archive_orders(ctx: StepContext, *, period: str, least: int = 1) -> dict:
    """Move a month to the archive: both statements commit together, or neither."""
    shop = ctx.get_connector("shop")
    with shop.transaction() as work:
        copied = work.execute(
            "insert into orders_archive select * from orders where month = :period", {"period": period}
        )
        if copied < least:
            raise StepFailed(f"{period} has {copied} orders, expected at least {least}", retry=False)
        work.execute("delete from orders where month = :period", {"period": period})
    return {"rows_affected": copied}


# endregion


# region files
def shrink_files(ctx: StepContext, *, folder: str) -> dict:
    """Cut the trailing white space in every text file of a folder; stops between two files."""
    done = 0
    for path in sorted(Path(folder).glob("*.txt")):
        if ctx.is_cancelled():
            break
        lines = path.read_text().splitlines()
        path.write_text("\n".join(line.rstrip() for line in lines) + "\n")
        done += 1
        print("shrunk", path.name)
    return {"files": done}


# endregion


# region async
async def wait_for_file(ctx: StepContext, *, path: str, every: float = 1.0) -> dict:
    """Wait until a file is there. A cancel ends the `await` with `CancelledError`."""
    while not Path(path).exists():
        log.debug("%s is not there yet", path)
        await asyncio.sleep(every)
    return {"path": path, "bytes": Path(path).stat().st_size}


# endregion
