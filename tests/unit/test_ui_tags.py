"""The components the pages are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.template import Context, Template

from nomaflow import charts, looks
from nomaflow.durations import duration
from nomaflow.templatetags import ui
from runs_app import states

START = datetime(2026, 11, 22, 2, tzinfo=UTC)


@dataclass
class Run:
    state: str
    duration_ms: int | None
    url: str = "/nomaflow/runs/run_00a8c"


@dataclass
class Attempt:
    state: str
    started_at: datetime
    finished_at: datetime | None


def render(source: str, **context: object) -> str:
    return Template("{% load ui %}" + source).render(Context(context))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_every_state_has_a_look_of_its_own() -> None:
    names = {state.value for kind in (states.RunState, states.StepState) for state in kind}
    assert names == set(looks.LOOKS)
    assert len({look.icon for look in looks.LOOKS.values()}) == len(looks.LOOKS)
    assert len({str(look.word) for look in looks.LOOKS.values()}) == len(looks.LOOKS)


def test_a_badge_has_shape_word_and_colour() -> None:
    html = render("{% badge 'FAILED' '/x' %}")
    assert html.startswith('<a href="/x" class="badge tone-failed">')
    assert "#failed" in html
    assert "Failed" in html


def test_canceling_is_a_running_badge_with_a_stripe() -> None:
    html = render("{% badge 'RUNNING' canceling=True %}")
    assert "badge-stripe" in html
    assert "Canceling…" in html
    assert "badge-stripe" not in render("{% badge 'CANCELED' canceling=True %}")


def test_what_users_wrote_is_text() -> None:
    evil = '"><script>x</script>'
    for source in ("{% chip x x %}", "{% empty x 'mark' x x %}", "{% badge 'QUEUED' x %}"):
        assert "<script>" not in render(source, x=evil)


def test_the_sparkline_tells_its_story_aloud() -> None:
    html = render("{% spark runs %}", runs=[Run("SUCCEEDED", 1000)] * 18 + [Run("FAILED", 900)] * 2)
    assert 'aria-label="Last 20 runs: 18 succeeded, 2 failed"' in html
    assert html.count("spark-notch") == 2
    assert "style=" not in html
    assert "No runs yet" in render("{% spark runs %}", runs=[])


def test_spark_bars_grow_with_the_duration_and_absence_is_drawn() -> None:
    runs = [Run("SUCCEEDED", 1000), Run("SUCCEEDED", 2000), Run("SUCCEEDED", 500), Run("SKIPPED", None)]
    bars = charts.spark_bars(runs)
    assert [bar.height for bar in bars] == [12.0, 18.0, 6.0, 4.8]
    assert bars[-1].x + charts.PITCH == charts.SPARK_WIDTH
    assert len(charts.absent_slots(runs)) == 16
    assert len(charts.spark_bars([Run("FAILED", 1)] * 50)) == 20


def test_the_chart_shows_attempts_and_the_waits_between_them() -> None:
    attempts = [Attempt("FAILED", at(10), at(20)), Attempt("RUNNING", at(50), None)]
    segments = charts.gantt_segments(attempts, start=START, end=at(100))
    assert segments == [
        charts.Segment(10.0, 10.0, "failed", False),
        charts.Segment(20.0, 30.0, "warning", True),
        charts.Segment(50.0, 50.0, "running", False),
    ]


def test_the_chart_stays_in_its_box() -> None:
    attempts = [Attempt("SUCCEEDED", at(-5), at(0)), Attempt("SUCCEEDED", at(100), at(100))]
    for segment in charts.gantt_segments(attempts, start=START, end=at(100)):
        assert segment.x >= 0
        assert segment.x + segment.width <= 100
    assert charts.gantt_segments([Attempt("RUNNING", START, None)], start=START, end=START)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, ""), (0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (59_999, "59.9 s"), (60_000, "1 m 00 s"),
     (3_599_999, "59 m 59 s"), (3_600_000, "1 h 00 m"), (360_000_000, "100 h 00 m")],
)  # fmt: skip
def test_durations(milliseconds: int | None, text: str) -> None:
    assert duration(milliseconds) == text


def test_a_moment_names_its_zone_for_the_script() -> None:
    html = render("{% ago moment 'Europe/Paris' %}", moment=START)
    assert 'zone="Europe/Paris"' in html
    assert 'datetime="2026-11-22T02:00:00+00:00"' in html
    assert "–" in render("{% ago moment %}", moment=None)
    assert "02:00:00 UTC" in render("{% ago moment clock=True %}", moment=START)


def test_relative_times() -> None:
    assert ui.relative(timedelta(minutes=14, seconds=20)) == "in 14m"
    assert ui.relative(timedelta(hours=-3)) == "3h ago"
    assert ui.relative(timedelta(0)) == "just now"


def test_a_field_shows_label_hint_and_error() -> None:
    class Form(forms.Form):
        default_renderer = DjangoTemplates
        name = forms.CharField(help_text="As you sign in.")

    html = render("{% field form.name %}", form=Form({"name": ""}))
    assert 'class="input"' in html
    assert 'for="id_name"' in html
    assert "As you sign in." in html
    assert "This field is required." in html
    assert 'aria-invalid="true"' in html


def test_only_known_themes_are_taken_from_the_cookie() -> None:
    assert [ui.theme(cookie) for cookie in ("dark", "light", None, '"><x')] == [
        "dark",
        "light",
        "system",
        "system",
    ]
