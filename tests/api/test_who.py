"""Who is asking: sessions, tokens, scopes, CSRF."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from jobs_app.models import Token
from tests.api.client import Api, error
from tests.factories import make_job
from tests.people import ann, bob

pytestmark = pytest.mark.django_db


def test_nobody_is_a_401_that_names_the_scheme():
    response = Api().get("")
    error(response, 401)
    assert response["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("header", ["Token nonsense", "Token", "Token a b", "Token \xff"])
def test_a_wrong_token_is_a_401_even_beside_a_session(header):
    api = Api(ann())
    api.headers["Authorization"] = header
    error(api.get(""), 401)


def test_a_token_in_the_address_is_no_token():
    api = Api(ann(), token=True)
    plain = api.headers.pop("Authorization").split()[1]
    error(api.get("", token=plain), 401)


@pytest.mark.parametrize("change", ["revoked_at", "expires_at"])
def test_a_token_ends(change):
    api = Api(ann(), token=True)
    assert api.get("").status_code == 200
    Token.objects.update(**{change: timezone.now()})
    error(api.get(""), 401)


def test_a_disabled_users_token_ends():
    user = ann()
    api = Api(user, token=True)
    user.is_active = False
    user.save()
    error(api.get(""), 401)


def test_a_scope_narrows_and_never_widens():
    make_job()
    narrow = Api(ann(), token=True, scopes=("job:ann-*:view",))
    assert narrow.get("/ann-nightly").status_code == 200
    assert "job:ann-nightly:run" in error(narrow.post("/ann-nightly/run"), 403)["message"]
    wide = Api(bob(), token=True, scopes=("job:*:edit",))
    error(wide.post("/ann-nightly/disable"), 403)


def test_a_session_needs_the_csrf_token():
    make_job()
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann())
    error(client.post("/admin/jobs/ann-nightly/run"), 403)


def test_a_token_does_not():
    make_job()
    api = Api(ann(), token=True)
    api.client = Client(enforce_csrf_checks=True)
    assert api.post("/ann-nightly/run").status_code == 202
