"""The installation's own folder, NOMAFLOW_HOME: its files, their modes, and how they are read and written.

=============  ====  ==================================================================================
``keys``       0600  secrets made once for this installation (JSON); part of every backup
``env``        0600  ``NAME=value`` lines an operator writes; steps read them as ``${env:NAME}``
``first-login`` 0600 user and password of the first sign-in, until the password is changed
``state.json`` 0600  where the running servers are; written by ``nomaflow up``, rewritten at each start
``lock``       0600  held while ``up`` or ``down`` is changing something
``logs/``      0700  one rotated file for each supervised process
``postgres/``, ``valkey/``  the embedded servers' data (elsewhere when root's home is closed to them)
=============  ====  ==================================================================================
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, overload

CHECKOUT = Path(__file__).resolve().parent.parent


class HomeError(Exception):
    """The home cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Keys:
    """Secrets generated once per installation. ``encryption_keys`` are Fernet keys, newest first."""

    secret_key: str = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    database_password: str = field(repr=False)
    sample_password: str = field(repr=False)


@dataclass(frozen=True)
class Home:
    """One installation's folder. Nothing is created before :meth:`create`."""

    path: Path

    @property
    def env_file(self) -> Path:
        return self.path / "env"

    @property
    def keys_file(self) -> Path:
        return self.path / "keys"

    @property
    def first_login_file(self) -> Path:
        return self.path / "first-login"

    @property
    def state_file(self) -> Path:
        return self.path / "state.json"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def create(self) -> Home:
        """Make the folder and its private parts; harmless when they exist."""
        try:
            # Root's servers run as `nobody`, who must be able to pass through (not list) this folder.
            self.path.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
            self.logs.mkdir(exist_ok=True, mode=0o700)
            if not self.env_file.exists():
                write_private(self.env_file, "# NAME=value, one a line; a step reads it as ${env:NAME}\n")
        except OSError as error:
            raise HomeError(
                f"NOMAFLOW_HOME {self.path} cannot be written ({error.strerror}); "
                "name another folder with NOMAFLOW_HOME."
            ) from error
        return self

    @overload
    def keys(self, *, create: Literal[True]) -> Keys: ...

    @overload
    def keys(self) -> Keys | None: ...

    def keys(self, *, create: bool = False) -> Keys | None:
        """The installation's secrets, made on the first call with ``create``; None when there are none."""
        found = read_json(self.keys_file)
        if not found:
            if not create:
                return None
            found = new_keys()
            write_private(self.keys_file, json.dumps(found, indent=1))
        try:
            return Keys(**{**found, "encryption_keys": tuple(found["encryption_keys"])})
        except (KeyError, TypeError) as error:
            raise HomeError(f"{self.keys_file} is damaged ({error}); restore it from a backup.") from error

    def state(self) -> dict[str, Any]:
        """What ``up`` recorded about the running servers; empty when nothing was recorded."""
        return read_json(self.state_file)

    def write_state(self, state: dict[str, Any]) -> None:
        write_private(self.state_file, json.dumps(state, indent=1))

    @contextlib.contextmanager
    def locked(self, *, within: float = 60.0, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold the home for one change at a time.

        ``within`` is in seconds; ``waiting`` is called once when somebody else holds it.
        Raises HomeError when it stays held. The lock ends with the process, however that ends.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+") as file:
            deadline = time.monotonic() + within
            while not _try_lock(file.fileno()):
                if waiting:
                    waiting()
                    waiting = None
                if time.monotonic() > deadline:
                    raise HomeError(
                        f"another `nomaflow up` or `down` holds {self.path}; wait for it, then try again."
                    )
                time.sleep(0.1)
            yield


def home_path() -> Path:
    """NOMAFLOW_HOME, or ``.nomaflow`` in the checkout; absolute."""
    named = os.environ.get("NOMAFLOW_HOME", "").strip()
    return Path(os.path.abspath(os.path.expanduser(named))) if named else CHECKOUT / ".nomaflow"


def current() -> Home:
    return Home(home_path())


def new_keys() -> dict[str, Any]:
    return {
        "secret_key": secrets.token_urlsafe(50),
        "encryption_keys": [base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()],
        "database_password": secrets.token_urlsafe(24),
        "sample_password": secrets.token_urlsafe(24),
    }


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty when the file is not there. Raises HomeError when it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise HomeError(f"{path} may not be read by this user; run as the user that owns it.") from error
    except ValueError as error:
        raise HomeError(f"{path} is not valid JSON ({error}); restore it or remove it.") from error
    if not isinstance(found, dict):
        raise HomeError(f"{path} is not a JSON object; restore it or remove it.")
    return found


def write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, mode 0600, on disk before the old one goes."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
