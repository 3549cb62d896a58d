from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.utils import timezone

from jobs_app import tokens
from jobs_app.models import AuditEvent, Token
from jobs_app.permissions import InvalidPattern, permissions_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    ann = User.objects.create(username="ann")
    ann.permission_rules.create(pattern="job:etl-*")
    return ann


def test_a_token_stands_for_its_user(ann: User) -> None:
    token, plain = tokens.create(ann, name="ci", scopes=["job:etl-a:run"])
    user = tokens.authenticate(plain)
    assert user == ann
    assert user.nomaflow_token == token
    assert permissions_of(user).may("run", "etl-a")
    assert not permissions_of(user).may("run", "etl-b"), "the scope narrows"
    assert permissions_of(ann).may("run", "etl-b")


def test_a_scope_grants_nothing_its_user_lacks(ann: User) -> None:
    _token, plain = tokens.create(ann, name="ci", scopes=["job:*"])
    assert not permissions_of(tokens.authenticate(plain)).may("view", "other")


def test_the_text_is_stored_nowhere(ann: User) -> None:
    _token, plain = tokens.create(ann, name="ci")
    assert plain not in serializers.serialize("json", [*Token.objects.all(), *AuditEvent.objects.all()])
    assert len(plain) > 40


@pytest.mark.parametrize("plain", ["", "nmf_", "nmf_wrong", "\0", "\ud800", "x" * 100_000])
def test_what_is_no_token_is_nobody(ann: User, plain: str) -> None:
    tokens.create(ann, name="ci")
    assert tokens.authenticate(plain) is None


def test_expired_revoked_and_of_a_disabled_user(ann: User) -> None:
    _expired, old = tokens.create(ann, name="old", expires_at=timezone.now() - timedelta(seconds=1))
    token, plain = tokens.create(ann, name="ci", expires_at=timezone.now() + timedelta(hours=1))
    assert tokens.authenticate(old) is None
    assert tokens.authenticate(plain) == ann
    User.objects.update(is_active=False)
    assert tokens.authenticate(plain) is None
    User.objects.update(is_active=True)
    tokens.revoke(token, actor="user:ann")
    tokens.revoke(token, actor="user:ann")
    assert tokens.authenticate(plain) is None
    assert AuditEvent.objects.filter(action="token.revoked").count() == 1


def test_last_use_is_written_once_a_minute(ann: User) -> None:
    token, plain = tokens.create(ann, name="ci")
    tokens.authenticate(plain)
    token.refresh_from_db()
    first = token.last_used_at
    tokens.authenticate(plain)
    token.refresh_from_db()
    assert first is not None
    assert token.last_used_at == first
    Token.objects.update(last_used_at=first - timedelta(minutes=2))
    tokens.authenticate(plain)
    token.refresh_from_db()
    assert token.last_used_at >= first


def test_a_scope_that_means_nothing_is_refused(ann: User) -> None:
    with pytest.raises(InvalidPattern, match="job:a:fly"):
        tokens.create(ann, name="ci", scopes=["job:a:fly"])
    assert not Token.objects.exists()
