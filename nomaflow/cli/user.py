"""`nomaflow user …`: the accounts that may sign in."""

from __future__ import annotations

import sys
from typing import Any

import click

from nomaflow.cli import setup
from nomaflow.cli.output import emit, json_option

_password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from stdin, do not ask."
)


@click.group()
def user() -> None:
    """Create accounts, change passwords, switch accounts off."""


@user.command()
@click.argument("username")
@click.option(
    "--rule", "rules", multiple=True, help="Grant this permission, such as job:etl-*:run (repeatable)."
)
@click.option("--superuser", is_flag=True, help="Grant everything.")
@_password_option
@json_option
def create(
    username: str, rules: tuple[str, ...], superuser: bool, password_stdin: bool, as_json: bool
) -> None:
    """Create an account."""
    setup()
    from django.contrib.auth import get_user_model

    accounts = get_user_model()
    if accounts.objects.filter(username=username).exists():
        raise click.ClickException(f"There is a user {username} already.")
    made = accounts(username=username, is_superuser=superuser, is_staff=superuser)
    _check_name(made)
    _check_rules(rules)
    password = _password(made, from_stdin=password_stdin)
    _save(made, password, rules)
    emit({"user": username, "rules": list(rules)}, as_json=as_json, text=lambda: f"{username} is created")


@user.command()
@click.argument("username")
@_password_option
@json_option
def passwd(username: str, password_stdin: bool, as_json: bool) -> None:
    """Change a password; every session of the account ends."""
    account = find(username)
    account.set_password(_password(account, from_stdin=password_stdin))
    account.save(update_fields=["password"])
    _audit("user.password", username)
    emit({"user": username}, as_json=as_json, text=lambda: f"{username} has a new password")


@user.command()
@click.argument("username")
@json_option
def disable(username: str, as_json: bool) -> None:
    """Switch an account off: it cannot sign in, its sessions and tokens end."""
    account = find(username)
    account.is_active = False
    account.save(update_fields=["is_active"])
    _audit("user.disabled", username)
    emit({"user": username, "active": False}, as_json=as_json, text=lambda: f"{username} is disabled")


def find(username: str) -> Any:
    setup()
    from django.contrib.auth import get_user_model

    account = get_user_model().objects.filter(username=username).first()
    if account is None:
        raise click.ClickException(f"There is no user {username}.")
    return account


def _password(account: Any, *, from_stdin: bool) -> str:
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    else:
        given = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    try:
        validate_password(given, account)
    except ValidationError as error:
        raise click.ClickException(" ".join(error.messages)) from None
    return str(given)


def _check_name(account: Any) -> None:
    from django.core.exceptions import ValidationError

    try:
        account.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise click.UsageError(" ".join(error.messages)) from None


def _check_rules(rules: tuple[str, ...]) -> None:
    from jobs_app.permissions import InvalidPattern, parse_rule

    try:
        for rule in rules:
            parse_rule(rule)
    except InvalidPattern as error:
        raise click.UsageError(str(error)) from None


def _save(account: Any, password: str, rules: tuple[str, ...]) -> None:
    from django.db import transaction

    from jobs_app.models import PermissionRule

    account.set_password(password)
    with transaction.atomic():
        account.save()
        PermissionRule.objects.bulk_create(PermissionRule(user=account, pattern=rule) for rule in set(rules))
        _audit("user.created", account.username, rules=list(rules), superuser=account.is_superuser)


def _audit(action: str, username: str, **detail: Any) -> None:
    from jobs_app import audit
    from nomaflow.cli.local import actor

    audit.record(actor(), action, kind="user", id=username, **detail)
