from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs_app import env_file


@pytest.fixture
def home(settings: Any, tmp_path: Path) -> Path:
    settings.NOMAFLOW_HOME = tmp_path
    (tmp_path / "env").write_text("REGION=eu\nDB_PASSWORD='two words'\nSECRET_KEY=allowed here\n")
    return tmp_path


@pytest.mark.usefixtures("home")
def test_the_file_and_the_open_names_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOMAFLOW_VAR_TOKEN", "t0ken")
    monkeypatch.setenv("NOMAFLOW_DATABASE_URL", "postgresql://hidden")
    assert env_file.lookup("REGION") == env_file.EnvValue("eu", False)
    assert env_file.lookup("DB_PASSWORD") == env_file.EnvValue("two words", True)
    assert env_file.lookup("NOMAFLOW_VAR_TOKEN") == env_file.EnvValue("t0ken", True)
    assert env_file.lookup("NOMAFLOW_DATABASE_URL") is None
    assert env_file.lookup("PATH") is None


def test_an_edit_needs_no_restart(home: Path) -> None:
    (home / "env").write_text("REGION=us\n")
    found = env_file.lookup("REGION")
    assert found is not None
    assert found.value == "us"
    (home / "env").unlink()
    assert env_file.lookup("REGION") is None


@pytest.mark.usefixtures("home")
def test_the_servers_own_environment_is_closed() -> None:
    closed = ("PATH", "path_", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "NOMAFLOW_FERNET_KEYS", "REGION")
    assert [env_file.is_closed(name) for name in closed] == [True, False, True, True, True, False]
    assert not env_file.is_closed("SECRET_KEY"), "the operator put it into the file"


def test_a_value_is_not_printed() -> None:
    assert "s3cret" not in repr(env_file.EnvValue("s3cret", True))
