"""NOMAFLOW_HOME: what is in it, with which modes, and how it is written."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from nomaflow import home as homes
from nomaflow.home import Home, HomeError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "a home").create()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_creating_twice_changes_nothing(home: Home) -> None:
    home.env_file.write_text("REGION=eu\n")
    assert home.create().env_file.read_text() == "REGION=eu\n"


def test_private_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = Home(tmp_path / "open").create()
        home.keys(create=True)
        home.write_state({"url": "http://127.0.0.1:8000/"})
    finally:
        os.umask(before)
    assert {mode(path) for path in (home.env_file, home.keys_file, home.state_file)} == {0o600}
    assert mode(home.logs) == 0o700


def test_keys_are_made_once_and_fit_their_use(home: Home) -> None:
    assert home.keys() is None
    keys = home.keys(create=True)
    assert keys == home.keys(create=True) == home.keys()
    assert keys is not None
    Fernet(keys.encryption_keys[0])
    assert len(keys.secret_key) >= 50
    assert keys.secret_key not in repr(keys)
    assert keys.database_password not in repr(keys)


def test_two_homes_have_different_keys(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other").create()
    assert home.keys(create=True) != other.keys(create=True)


@pytest.mark.parametrize("text", ["{", "[]", '{"secret_key": "x"}', '{"encryption_keys": 1}'])
def test_damaged_keys_are_named_and_never_replaced(home: Home, text: str) -> None:
    home.keys_file.write_text(text)
    with pytest.raises(HomeError, match="keys"):
        home.keys(create=True)
    assert home.keys_file.read_text() == text


def test_a_write_that_fails_leaves_the_old_file_and_no_other(home: Home) -> None:
    home.write_state({"url": "old"})
    with pytest.raises(TypeError):
        home.write_state({"url": object()})
    with pytest.raises(UnicodeEncodeError):
        homes.write_private(home.state_file, "\ud800")
    assert home.state() == {"url": "old"}
    assert not list(home.path.glob(".state.json*"))


def test_the_lock_keeps_others_out_and_says_so(home: Home) -> None:
    told = []
    with (
        home.locked(),
        pytest.raises(HomeError, match="another"),
        home.locked(within=0.3, waiting=lambda: told.append(1)),
    ):
        pass
    assert told == [1]
    with home.locked(within=0.3):
        pass


def test_readers_never_see_half_a_file(home: Home) -> None:
    values = [{"n": number, "pad": "x" * 5000} for number in range(2)]
    home.write_state(values[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for value in values:
                home.write_state(value)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(home.state() in values for _ in range(200))
    finally:
        stop.set()
        writer.join()


def test_the_home_is_named_by_the_environment_or_lies_in_the_checkout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NOMAFLOW_HOME", raising=False)
    assert homes.home_path() == homes.CHECKOUT / ".nomaflow"
    monkeypatch.setenv("NOMAFLOW_HOME", "some/where")
    assert homes.home_path() == Path.cwd() / "some/where"


def test_a_home_that_cannot_be_written_is_a_sentence() -> None:
    with pytest.raises(HomeError, match=r"NOMAFLOW_HOME .* cannot be written"):
        Home(Path("/proc/home")).create()  # nobody may write there, root neither
