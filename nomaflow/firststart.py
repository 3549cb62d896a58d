"""The parts of a start that need Django: tables, static files, the first user. All may be repeated."""

from __future__ import annotations

import io
import secrets
from dataclasses import dataclass

from nomaflow.cli import setup
from nomaflow.home import Home, write_private

FIRST_USER = "admin"


@dataclass(frozen=True)
class Login:
    """The first user's name and generated password."""

    user: str
    password: str


def migrate() -> None:
    setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0, stdout=io.StringIO())


def build_pages() -> str:
    """Build the front end where that is possible and collect the static files; returns a note, or nothing."""
    setup()
    from django.core.management import call_command

    note = _build_front_end()
    call_command("collectstatic", interactive=False, verbosity=0, stdout=io.StringIO())
    return note


def _build_front_end() -> str:
    try:
        from nomaflow import frontend
    except ImportError:
        return ""
    try:
        frontend.build()
    except Exception as error:
        return f"the front end was not built ({error}); pages work, their live parts do not."
    return ""


def ensure_first_user(home: Home) -> None:
    """Create ``admin`` with a generated password while there is no user at all."""
    from django.contrib.auth import get_user_model

    users = get_user_model().objects
    if users.exists():
        return
    # The file first: a start cut short between the two must not lose the password.
    login = _read(home) or Login(FIRST_USER, secrets.token_urlsafe(12))
    write_private(home.first_login_file, f"user: {login.user}\npassword: {login.password}\n")
    users.create_superuser(login.user, password=login.password)


def first_login(home: Home) -> Login | None:
    """The generated login while it still works; its file goes once the password was changed."""
    login = _read(home)
    if not login:
        return None
    setup()
    from django.contrib.auth import get_user_model

    user = get_user_model().objects.filter(username=login.user).first()
    if user and user.check_password(login.password):
        return login
    home.first_login_file.unlink(missing_ok=True)
    return None


def _read(home: Home) -> Login | None:
    try:
        lines = home.first_login_file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    values = dict(line.split(": ", 1) for line in lines if ": " in line)
    if "user" not in values or "password" not in values:
        return None
    return Login(values["user"], values["password"])
