from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from jobs_app import secrets
from jobs_app.models import Connector


@pytest.fixture
def keys(settings: Any) -> Iterator[list[str]]:
    settings.NOMAFLOW_FERNET_KEYS = [Fernet.generate_key().decode()]
    secrets.forget_keys()
    yield settings.NOMAFLOW_FERNET_KEYS
    secrets.forget_keys()


def test_what_is_stored_does_not_show_what_it_holds(keys: list[str]) -> None:
    stored = secrets.encrypt({"password": "canary-word"})
    assert b"canary" not in stored
    assert secrets.decrypt(memoryview(stored)) == {"password": "canary-word"}
    assert secrets.encrypt({}) == b""
    assert secrets.decrypt(b"") == {}


@pytest.mark.django_db
def test_rotation_makes_the_old_key_superfluous(keys: list[str]) -> None:
    Connector.objects.create(name="ops", kind="postgres", secrets=secrets.encrypt({"password": "one"}))
    new = Fernet.generate_key().decode()
    keys.insert(0, new)
    assert secrets.rotate() == 1
    keys[:] = [new]
    secrets.forget_keys()
    assert secrets.decrypt(Connector.objects.get(name="ops").secrets) == {"password": "one"}


def test_a_foreign_key_ends_in_a_sentence(keys: list[str]) -> None:
    stored = secrets.encrypt({"password": "one"})
    keys[:] = [Fernet.generate_key().decode()]
    secrets.forget_keys()
    with pytest.raises(secrets.CannotDecrypt, match="restore the key"):
        secrets.decrypt(stored)


def test_the_keys_of_the_home_are_used(keys: list[str], settings: Any, tmp_path: Path) -> None:
    settings.NOMAFLOW_HOME = tmp_path
    (tmp_path / "keys").write_text(json.dumps({"encryption_keys": keys[:]}))
    keys.clear()
    secrets.forget_keys()
    assert secrets.decrypt(secrets.encrypt({"a": 1})) == {"a": 1}


@pytest.mark.parametrize(("written", "sentence"), [(None, "no encryption key"), ("{}", "cannot be read")])
def test_a_missing_or_damaged_key_file_is_named(
    keys: list[str], settings: Any, tmp_path: Path, written: str | None, sentence: str
) -> None:
    keys.clear()
    settings.NOMAFLOW_HOME = tmp_path
    if written:
        (tmp_path / "keys").write_text(written)
    with pytest.raises(secrets.CannotDecrypt, match=sentence):
        secrets.encrypt({"a": 1})
