from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import serializers

from jobs_app.connectors import ConnectorMissing, resolve, save_connector
from jobs_app.definition import DefinitionError
from jobs_app.models import AuditEvent, Connector
from jobs_app.secrets import CannotDecrypt
from jobs_app.substitution import UnknownName
from tests.jobs.conftest import forget

CANARY = "canary-word"
pytestmark = pytest.mark.django_db


def save(**fields: Any) -> Connector:
    raw = {"name": "ops", "kind": "database", "url": "postgresql://app@db/ops", **fields}
    return save_connector({name: value for name, value in raw.items() if value is not None}, actor="user:ann")


@pytest.mark.parametrize(
    "fields",
    [
        {"password": CANARY},
        {"url": f"postgresql://app:{CANARY}@db/ops"},
        {"url": f"postgresql://app@db/ops?password={CANARY}"},
        {"url": f"postgresql://app:{CANARY}@db/ops", "password": CANARY},
    ],
    ids=["field", "url", "query", "both"],
)
def test_a_literal_password_is_in_no_readable_column(fields: dict[str, Any]) -> None:
    row = save(**fields)
    assert row.config == {"url": "postgresql://app@db/ops"}
    rows = [*Connector.objects.all(), *AuditEvent.objects.all()]
    assert CANARY not in serializers.serialize("json", rows)
    assert CANARY.encode() not in bytes(row.secrets)
    resolved = resolve("ops")
    assert resolved.config == {"url": "postgresql://app@db/ops", "password": CANARY}
    assert resolved.secrets == (CANARY,)
    assert resolved.path == "tests.jobs.kinds.Database"
    assert CANARY not in repr(resolved)


def test_a_reference_stays_unresolved_until_it_is_used(installation: Path) -> None:
    row = save(url="${env:REPORTING_URL}", password="${env:REPORTING_PASSWORD}")
    assert row.config["password"] == "${env:REPORTING_PASSWORD}"
    assert bytes(row.secrets) == b""
    assert resolve("ops").config == {"url": "postgresql://app@db/r", "password": "s3cret-word"}
    assert resolve("ops").secrets == ("s3cret-word",)
    (installation / "env").unlink()
    with pytest.raises(UnknownName, match="REPORTING_URL"):
        resolve("ops")


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("postgresql://db/ops?password=a%24b-secret&sslmode=require", "postgresql://db/ops?sslmode=require"),
        ("postgresql://db/ops?user=app&PASSWORD=a$b-secret", "postgresql://db/ops?user=app"),
    ],
)
def test_the_rest_of_a_query_stays(url: str, left: str) -> None:
    assert save(url=url).config == {"url": left}
    assert resolve("ops").config["password"] == "a$b-secret"


def test_the_placeholders_of_a_stored_password_are_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOMAFLOW_VAR_SUFFIX", "eu")
    save(password="canary$${word-${env:NOMAFLOW_VAR_SUFFIX}")
    assert resolve("ops").config["password"] == "canary${word-eu"
    assert "canary${word-eu" in resolve("ops").secrets


def test_a_password_in_an_env_url_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOMAFLOW_VAR_URL", f"postgresql://app:{CANARY}@db/ops")
    save(url="${env:NOMAFLOW_VAR_URL}")
    assert resolve("ops").secrets == (CANARY,)


def test_a_password_not_given_again_stays() -> None:
    save(password=CANARY)
    row = save(description="the one")
    assert row.version == 2
    assert resolve("ops").config["password"] == CANARY
    assert save(description="the one").version == 2, "nothing changed"
    assert save(password="another-word", description="the one").version == 3


def test_a_password_is_not_sent_to_a_new_address() -> None:
    save(password=CANARY)
    with pytest.raises(DefinitionError, match="enter password again"):
        save(url="postgresql://app@evil/ops")
    assert resolve("ops").config["url"] == "postgresql://app@db/ops"
    save(url="postgresql://app@new/ops", password="another-word")
    assert resolve("ops").config["password"] == "another-word"


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": "a b"}, "name", "a b"),
        ({"name": None}, "name", "required"),
        ({"kind": "abacus"}, "kind", "abacus"),
        ({"url": None}, "url", "required"),
        ({"url": 7}, "url", "text"),
        ({"passwort": "x"}, "passwort", "did you mean password"),
        ({"url": "${env:PATH}"}, "url", "PATH"),
        ({"url": "${params:url}"}, "url", "belongs to no run"),
        ({"queries": {"late": 7}}, "queries.late", "statement"),
        (
            {"queries": {"late": {"sql": "select 1", "writes": True}}},
            "queries.late.writes",
            "did you mean write",
        ),
        ({"url": "x\0"}, "", "NUL"),
    ],
)
def test_bad_input_is_named(fields: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        save(**fields)
    assert [problem.field for problem in caught.value.problems] == [field]
    assert words in caught.value.problems[0].message


def test_queries_have_one_form() -> None:
    save(queries={"late": "select 1", "purge": {"sql": "delete from x", "write": True}})
    assert resolve("ops").queries == {
        "late": {"sql": "select 1", "write": False, "params": {}},
        "purge": {"sql": "delete from x", "write": True, "params": {}},
    }


def test_a_missing_connector_is_named() -> None:
    with pytest.raises(ConnectorMissing, match="nowhere"):
        resolve("nowhere")


def test_a_kind_no_longer_installed_is_named(settings: Any) -> None:
    save()
    settings.NOMAFLOW_CONNECTOR_KINDS = {}
    with pytest.raises(ConnectorMissing, match="database"):
        resolve("ops")


def test_a_lost_key_is_mended_by_entering_the_password_again(settings: Any) -> None:
    save(password=CANARY)
    settings.NOMAFLOW_FERNET_KEYS = [Fernet.generate_key().decode()]
    forget()
    with pytest.raises(CannotDecrypt):
        resolve("ops")
    save(password=CANARY)
    assert resolve("ops").config["password"] == CANARY


def test_the_audit_row_says_what_changed() -> None:
    save(password=CANARY)
    save(description="new")
    event = AuditEvent.objects.latest("id")
    assert (event.actor, event.action, event.object_id) == ("user:ann", "connector.saved", "ops")
    assert json.loads(json.dumps(event.detail)) == {"changes": {"description": ["", "new"]}, "secrets": []}
