"""Who the tests are about: ann owns the `ann-*` jobs, bob may run them, eve may nothing, root everything."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model

from jobs_app.models import PermissionRule

PASSWORD = "correct horse battery"


def person(name: str, *rules: str, superuser: bool = False) -> Any:
    """A user of that name who holds the rules; made once in a test, found after that."""
    user, new = get_user_model().objects.get_or_create(
        username=name, defaults={"is_superuser": superuser, "is_staff": superuser}
    )
    if new:
        user.set_password(PASSWORD)
        user.save()
    for rule in rules:
        PermissionRule.objects.get_or_create(user=user, pattern=rule)
    return user


def ann() -> Any:
    return person("ann", "job:ann-*", "job:ann-*:edit", "settings:jobs")


def bob() -> Any:
    return person("bob", "job:ann-*:run")


def eve() -> Any:
    return person("eve")


def root() -> Any:
    return person("root", superuser=True)
