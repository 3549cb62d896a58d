from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from hypothesis import given
from hypothesis import strategies as st

from jobs_app import toml_text
from jobs_app.connectors import resolve
from jobs_app.definition import DefinitionError, freeze
from jobs_app.models import AuditEvent, Connector, Job, JobVersion
from jobs_app.permissions import permissions_of
from jobs_app.toml_format import export_toml, import_toml, parse
from jobs_app.toml_lines import locate
from tests.jobs.examples import TOML

JOB = """
[[jobs]]
id = "a"
[[jobs.steps]]
name = "s"
type = "python"
callable = "reports.summary:send_summary"
"""


def refused(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        import_toml(text, actor="cli")
    assert not Job.objects.exists()
    assert not Connector.objects.exists()
    assert not JobVersion.objects.exists()
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.django_db
def test_the_manuals_example() -> None:
    result = import_toml(TOML, actor="user:ann")
    assert result.created == ["nightly-reporting-refresh", "after"]
    assert result.connectors == ["ops", "reporting"]
    job = freeze(Job.objects.get(pk="nightly-reporting-refresh"))
    assert job["retry"]["attempts"] == 2
    assert [step["name"] for step in job["steps"]] == ["copy-orders", "refresh", "send-summary"]
    assert job["steps"][1]["config"]["query"] == '  select "a\\b"\n  from orders'
    assert job["steps"][2]["config"]["op_kwargs"] == {"period": "${date:month.previous}"}
    after = freeze(Job.objects.get(pk="after"))
    assert after["steps"][0]["config"]["op_kwargs"] == {"period": "2026-01-01"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('retry = { retry_on = ["\\u0000"] }', "line 4: jobs.a.retry.retry_on: holds a character"),
        ('alerts = { recipients = ["a\\u0000"] }', "line 4: jobs.a.alerts.recipients: holds a character"),
        (
            f"retry = {{ base_seconds = {'9' * 400} }}",
            "line 4: jobs.a.retry.base_seconds: holds a whole number",
        ),
        (f"params = {{ n = {'9' * 5000} }}", "line 4: this is no number"),
    ],
)
def test_what_no_table_can_hold_is_named(line: str, said: str) -> None:
    (problem,) = refused(JOB.replace('id = "a"', f'id = "a"\n{line}'))
    assert problem.startswith(said)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["\\u0000", ""])
def test_a_stored_query_has_a_name(name: str) -> None:
    text = '[[connectors]]\nname = "ops"\nkind = "database"\nurl = "x://y"\n'
    (problem,) = refused(f'{text}[connectors.queries]\n"{name}" = "select 1"\n')
    assert problem.startswith("line ")
    assert "connectors.ops.queries" in problem


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text",
    ["\n".join(f"[t{n}]" for n in range(5_000)), "\n".join(f'[[jobs]]\nid = "j{n}"' for n in range(5_000))],
    ids=["tables", "jobs"],
)
def test_a_file_of_mistakes_is_read_until_a_hundred_are_found(text: str) -> None:
    assert len(refused(text)) == 100


@pytest.mark.django_db
def test_a_second_import_changes_nothing() -> None:
    import_toml(TOML, actor="cli")
    events = AuditEvent.objects.count()
    result = import_toml(TOML, actor="cli")
    assert (result.created, result.updated, result.connectors) == ([], [], [])
    assert result.unchanged == ["nightly-reporting-refresh", "after"]
    assert AuditEvent.objects.count() == events


@pytest.mark.django_db
def test_an_export_says_the_same_and_no_secret() -> None:
    import_toml(TOML, actor="cli")
    before = {job.pk: freeze(job) for job in Job.objects.all()}
    text = export_toml(before)
    assert "canary" not in text
    assert 'password = "${env:REPORTING_PASSWORD}"' in text
    result = import_toml(text, actor="cli")
    assert result.unchanged == list(before)
    assert result.connectors == []
    assert resolve("ops").config["password"] == "literal-canary"
    Job.objects.all().delete()
    import_toml(text, actor="cli")
    assert {job.pk: freeze(job) for job in Job.objects.all()} == before


@pytest.mark.django_db
def test_an_export_of_nothing_names_it() -> None:
    with pytest.raises(Job.DoesNotExist, match="ghost"):
        export_toml(["ghost"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "line", "field", "words"),
    [
        (("0 2 * * *", "0 99 * * *"), 'schedule = "0 99', "jobs.nightly-reporting-refresh.schedule", "hour"),
        (("Europe/Paris", "Europe/Nowhere"), "timezone", ".timezone", "Europe/Nowhere"),
        (('"fixed"', '"linear"'), "retry ", ".retry.backoff", "fixed"),
        (('mode = "overwrite"', 'mode = "merge"'), "mode =", ".steps.copy-orders.mode", "append"),
        (
            ('target = { connector = "reporting"', 'target = { connector = "x"'),
            "target =",
            ".connector",
            "“x”",
        ),
        (('type = "copy"', 'type = "teleport"'), 'type = "teleport"', ".steps.copy-orders.type", "teleport"),
        (('name = "refresh"', 'name = "copy-orders"'), "refresh-line", ".name", "copy-orders"),
        (("reports.summary:send_summary", "os:system"), "callable", ".callable", "os"),
        (("month.previous", "month.someday"), "op_kwargs", ".op_kwargs", "someday"),
        (('id = "after"', 'id = "runs"'), 'id = "runs"', "jobs.runs.id", "reserved"),
        (('["nightly-reporting-refresh"]', '["ghost"]'), "depends_on", "jobs.after.depends_on[0]", "ghost"),
        (('kind = "database"', 'kind = "abacus"'), 'kind = "abacus"', "connectors.ops.kind", "abacus"),
        (("queries = {", "querys = {"), "querys", "connectors.reporting.querys", "did you mean queries"),
        (("tags = [", "tag = ["), "tag =", ".tag", "did you mean tags"),
    ],
)
def test_a_refusal_names_line_field_and_reason(
    change: tuple[str, str], line: str, field: str, words: str
) -> None:
    text = TOML.replace(*change, 1)
    found = refused(text)
    assert len(found) == 1, found
    number = re.match(r"line (\d+): ", found[0])
    assert number, found
    shown = text.splitlines()[int(number[1]) - 1]
    assert line in shown or line == "refresh-line"
    assert field in found[0].partition(": ")[2].partition(": ")[0]
    assert words in found[0]


@pytest.mark.django_db
def test_all_or_nothing() -> None:
    found = refused(TOML.replace('id = "after"', 'id = "not ok"') + JOB + JOB + "[jobs2]\n")
    assert [problem.split(": ")[1] for problem in found] == ["jobs2", "jobs.not ok.id", "jobs.a.id"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[jobs]\nid = 1", "line 1: this is no TOML"),
        ("\n\nid = ", "line 3: this is no TOML"),
        ('[[jobs]]\nid = "a\n', "line 2: this is no TOML"),
        ("\nx = " + "[" * 2000 + "]" * 2000, "line 2: this is nested too deeply"),
        ("\nx = " + "{a=" * 2000, "line 2: this is nested too deeply"),
        ("\n" + ".".join("a" * 2000) + " = 1", "line 2: this is nested too deeply"),
        ("x" * 10_000_000, "the file has 10.0 MB"),
        ("[jobs]\nid = 1", "line 1: jobs: must be written as [[jobs]]"),
        ("jobs = 7", "line 1: jobs: must be written as [[jobs]]"),
        ("[[jobs]]", "line 1: jobs[0].id: this field is required"),
        ("\0", "line 1: this is no TOML"),
        (JOB + JOB, "is in this file twice"),
        (JOB.replace('"s"', '"\\u0000"'), "NUL"),
    ],
)
def test_malformed_files_end_in_a_sentence(text: str, words: str) -> None:
    assert words in "\n".join(refused(text))


@pytest.mark.django_db
def test_jobs_that_wait_for_one_another_are_refused() -> None:
    text = JOB.replace('id = "a"', 'id = "a"\ndepends_on = ["b"]') + JOB.replace(
        'id = "a"', 'id = "b"\ndepends_on = ["a"]'
    )
    assert "a → b → a" in refused(text)[0]


@pytest.mark.django_db
def test_a_changed_step_type_is_refused_with_its_line() -> None:
    import_toml(JOB, actor="cli")
    text = JOB.replace("python", "query").replace("callable", 'connector = "ops"\nquery')
    text += '[[connectors]]\nname = "ops"\nkind = "database"\nurl = "x://y"\n'
    with pytest.raises(DefinitionError, match=r"line 6: jobs\.a\.steps\.s\.type: .*stays one"):
        import_toml(text, actor="cli")
    assert not Connector.objects.exists(), "nothing of the file is kept"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        (["settings:jobs"], "settings:connectors"),
        (["settings:connectors"], "settings:jobs"),
        (["settings:*", "connector:ops:use"], "connector:reporting:use"),
        (["settings:*", "connector:*"], None),
    ],
)
def test_an_import_needs_the_rights_of_all_it_touches(rules: list[str], missing: str | None) -> None:
    ann = User.objects.create(username="ann")
    for rule in rules:
        ann.permission_rules.create(pattern=rule)
    if missing is None:
        assert import_toml(TOML, actor="user:ann", may=permissions_of(ann)).created
        with pytest.raises(PermissionDenied, match="job:after:edit"):
            import_toml(JOB.replace('"a"', '"after"'), actor="user:ann", may=permissions_of(ann))
        return
    with pytest.raises(PermissionDenied, match=missing):
        import_toml(TOML, actor="user:ann", may=permissions_of(ann))
    assert not Job.objects.exists()


values: st.SearchStrategy[Any] = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), values, max_size=4))
def test_what_is_written_is_read_back(data: dict[str, Any]) -> None:
    assert parse("".join(toml_text.line(name, value) for name, value in data.items())) == data


lines_of_text = st.lists(st.sampled_from(["a", '"', "\\", '"""', " ", "\t", "'''", "é", "#", "[x]"])).map(
    "".join
)


@given(st.lists(lines_of_text, min_size=1).map("\n".join), st.integers(0, 3))
def test_lines_are_found_behind_any_text(text: str, blank: int) -> None:
    document = "\n" * blank + toml_text.line("text", text) + "[[jobs]]\nid = 1 # [[jobs]]\n"
    lines = locate(document)
    assert lines["text",] == blank + 1
    assert lines["jobs", 0, "id"] == document.count("\n")
