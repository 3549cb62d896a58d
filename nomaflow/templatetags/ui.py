"""Template tags of the operators' pages: `{% load ui %}`. Each renders one component of the style sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.forms import BoundField
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from nomaflow import charts, looks
from nomaflow.durations import duration as duration_text

register = template.Library()
register.filter("duration", duration_text)
THEMES = ("system", "light", "dark")


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, extra: str = "") -> SafeString:
    """An icon of the sprite, drawn in the text's colour and hidden from screen readers."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        extra,
        static("ui/icons.svg"),
        name,
    )


@register.simple_tag
def state_icon(state: Any, canceling: bool = False) -> SafeString:
    """A state as its icon alone, the word for screen readers and on hover."""
    seen = looks.look(state, canceling=canceling)
    return format_html(
        '<span class="state-icon tone-{}" title="{}">{}<span class="sr-only">{}</span></span>',
        seen.tone,
        seen.word,
        icon(seen.icon),
        seen.word,
    )


@register.simple_tag
def state_word(state: Any) -> str:
    """The translated word of a state."""
    return str(looks.look(state).word)


@register.inclusion_tag("ui/badge.html")
def badge(state: Any, href: str = "", canceling: bool = False) -> dict[str, Any]:
    """A state as shape, word and colour; a link when `href` is given."""
    seen = looks.look(state, canceling=canceling)
    return {"look": seen, "href": href, "striped": seen is looks.CANCELING}


@register.inclusion_tag("ui/chip.html")
def chip(text: str, href: str = "") -> dict[str, str]:
    """A tag of a job."""
    return {"text": text, "href": href}


@register.inclusion_tag("ui/empty.html")
def empty(sentence: str, icon_name: str = "mark", href: str = "", action: str = "") -> dict[str, str]:
    """One sentence where nothing is to be shown, and one thing to do about it."""
    return {"sentence": sentence, "icon_name": icon_name, "href": href, "action": action}


@register.inclusion_tag("ui/field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """A form field with its label, hint and errors."""
    return {"field": bound, "widget": bound.as_widget(attrs={"class": "input"})}


@register.inclusion_tag("ui/ago.html")
def ago(moment: datetime | None, zone: str = "", clock: bool = False) -> dict[str, Any]:
    """A moment told relative to now, or with `clock` as the time of day; `zone` is the job's."""
    text = ""
    if moment is not None:
        text = f"{moment.astimezone(UTC):%H:%M:%S} UTC" if clock else relative(moment - datetime.now(UTC))
    return {"moment": moment, "zone": zone, "clock": clock, "text": text}


def relative(distance: timedelta) -> str:
    """A distance in time as the page first shows it, before the script takes over.

    >>> relative(timedelta(minutes=14, seconds=20)), relative(timedelta(hours=-3))
    ('in 14m', '3h ago')
    """
    seconds = abs(distance.total_seconds())
    sizes = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
    unit, size = next((each for each in sizes if seconds >= each[1]), sizes[-1])
    amount = f"{int(seconds // size)}{unit}"
    if seconds < 1:
        return _("just now")
    return (
        _("in %(amount)s") % {"amount": amount}
        if distance > timedelta()
        else _("%(amount)s ago") % {"amount": amount}
    )


@register.simple_tag
def spark(runs: Sequence[Any]) -> SafeString:
    """The health of the last 20 runs, oldest first. A run has `state`, `duration_ms` and `url`.

    Written without a template: a catalogue of 500 jobs draws 10,000 bars.
    """
    shown = list(runs)[-charts.SLOTS :]
    words = {run.state: str(looks.look(run.state).word) for run in shown}
    dots = "".join(f"M{x:g} 22.5h0" for x in charts.absent_slots(shown))
    return format_html(
        '<svg class="spark" viewBox="0 0 160 24" preserveAspectRatio="xMinYMax meet" role="{}" aria-label="{}">'
        "{}{}</svg>",
        "group" if shown else "img",
        spark_label([words[run.state] for run in shown]),
        format_html('<path class="spark-absent" d="{}"/>', dots) if dots else "",
        format_html_join("", _SPARK_BAR, (_spark_bar(bar, words) for bar in charts.spark_bars(shown))),
    )


_SPARK_BAR = (
    '<a href="{}" class="tone-{}"><title>{}</title><rect class="spark-reach" x="{}" width="8" height="24"/>'
    '<rect class="spark-bar" x="{}" y="{}" width="6" height="{}" rx="1"/>{}</a>'
)
_SPARK_NOTCH = '<rect class="spark-notch" x="{}" y="19" width="6" height="1.5"/>'


def _spark_bar(bar: charts.Bar, words: Mapping[Any, str]) -> tuple[Any, ...]:
    word = f"{words[bar.run.state]} {duration_text(bar.run.duration_ms)}".rstrip()
    x = f"{bar.x:g}"
    notch = format_html(_SPARK_NOTCH, x) if bar.notched else ""
    return bar.run.url, bar.tone, word, x, x, f"{bar.y:g}", f"{bar.height:g}", notch


def spark_label(words: Sequence[str]) -> str:
    """What the sparkline says aloud: "Last 20 runs: 18 succeeded, 2 failed"."""
    if not words:
        return _("No runs yet")
    counts = Counter(word.lower() for word in words)
    head = ngettext("Last run", "Last %(count)d runs", len(words)) % {"count": len(words)}
    return f"{head}: " + ", ".join(f"{count} {word}" for word, count in counts.items())


@register.inclusion_tag("ui/gantt.html")
def gantt(
    attempts: Iterable[Any], start: datetime, end: datetime, label: str = "", waiting: bool = False
) -> dict[str, Any]:
    """One step's attempts and waits on the run's time axis; `waiting` when it waits for another attempt now."""
    return {
        "segments": charts.gantt_segments(attempts, start=start, end=end, waiting=waiting),
        "label": label,
    }


@register.inclusion_tag("ui/counter.html")
def counter(counted: Any) -> dict[str, Any]:
    """A number of runs in a state (`state, count, share, on, url`) that is also a filter."""
    return {"counter": counted, "look": looks.look(counted.state)}


@register.filter
def grouped(number: int) -> str:
    """A whole number with its thousands apart.

    >>> grouped(336776)
    '336,776'
    """
    return f"{number:,}"


@register.filter
def theme(cookie: str | None) -> str:
    """The theme a cookie asks for; `system` for anything unknown."""
    return cookie if cookie in THEMES else "system"
