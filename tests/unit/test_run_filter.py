"""What a list of runs understands, without a database."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from runs_app.filters import LARGEST_LIMIT, FilterError, RunFilter


def test_states_in_any_case_with_their_synonyms():
    chosen = RunFilter.read(QueryDict("state=Failed,aborted&status=partial-success&status=aborting"))
    assert chosen.states == {"FAILED", "CANCELED", "PARTIAL"}
    assert chosen.aborting


def test_a_date_is_its_whole_day_and_a_time_without_a_zone_is_utc():
    chosen = RunFilter.read({"from": "2026-11-21", "to": "2026-11-21"})
    assert chosen.start == datetime(2026, 11, 21, tzinfo=UTC)
    assert chosen.end == datetime(2026, 11, 22, tzinfo=UTC)
    assert RunFilter.read({"from": "2026-11-21T10:00"}).start == datetime(2026, 11, 21, 10, tzinfo=UTC)


def test_an_offset_survives_an_unescaped_plus():
    chosen = RunFilter.read(QueryDict("from=2026-11-21T10:00:00+02:00"))
    assert chosen.start == datetime(2026, 11, 21, 8, tzinfo=UTC)


def test_the_limit_has_a_ceiling():
    assert RunFilter.read({"limit": 1_000_000}).limit == LARGEST_LIMIT


names = st.sampled_from(["state", "status", "trigger", "from", "to", "limit", "before", "q", "job", "user"])


@given(st.dictionaries(names, st.text(max_size=40)))
def test_any_text_is_understood_or_refused_by_name(query):
    assert _field_refused(query) in {None, *query, "state"}


def _field_refused(query):
    try:
        RunFilter.read(query)
    except FilterError as error:
        return error.field
    return None
