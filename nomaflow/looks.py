"""How a state looks, everywhere: icon, tone and word. Badge, sparkline, chart and counters read this map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True)
class Look:
    icon: str
    tone: str
    word: str | StrPromise


LOOKS = {
    "QUEUED": Look("queued", "queued", _("Queued")),
    "RUNNING": Look("running", "running", _("Running")),
    "SUCCEEDED": Look("succeeded", "succeeded", _("Succeeded")),
    "PARTIAL": Look("partial", "partial", _("Partial")),
    "FAILED": Look("failed", "failed", _("Failed")),
    "CANCELED": Look("canceled", "idle", _("Canceled")),
    "SKIPPED": Look("skipped", "idle", _("Skipped")),
    "PENDING": Look("pending", "idle", _("Pending")),
}
CANCELING = Look("running", "running", _("Canceling…"))


def look(state: Any, *, canceling: bool = False) -> Look:
    """The look of a state, given as an enum member or its value in any case.

    `canceling` counts only while the run is RUNNING: cancelling is a wish, not a state.

    >>> look("succeeded").icon
    'succeeded'
    >>> look("RUNNING", canceling=True) is CANCELING
    True
    """
    name = str(getattr(state, "value", state)).upper()
    return CANCELING if canceling and name == "RUNNING" else LOOKS[name]
