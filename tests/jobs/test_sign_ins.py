from __future__ import annotations

import pytest
from django.test import Client

from jobs_app.models import AuditEvent
from tests.people import PASSWORD, ann, root

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("way_in", "way_out"),
    [("/nomaflow/sign-in", "/nomaflow/sign-out"), ("/django-admin/login/", "/django-admin/logout/")],
)
def test_every_way_in_and_out_is_recorded(way_in: str, way_out: str) -> None:
    root()
    client = Client(REMOTE_ADDR="10.0.0.7")
    client.post(way_in, {"username": "root", "password": "wrong"})
    client.post(way_in, {"username": "root", "password": PASSWORD})
    client.post(way_out)
    events = AuditEvent.objects.order_by("id").values_list("actor", "action", "object_id", "address")
    assert list(events) == [
        ("anonymous", "user.refused", "root", "10.0.0.7"),
        ("user:root", "user.signed_in", "root", "10.0.0.7"),
        ("user:root", "user.signed_out", "root", "10.0.0.7"),
    ]


def test_what_is_no_account_is_not_kept() -> None:
    ann()
    Client().post("/nomaflow/sign-in", {"username": "a-password-in-the-wrong-box", "password": "x"})
    assert AuditEvent.objects.get().object_id == ""


def test_a_socket_has_no_address() -> None:
    ann()
    Client(REMOTE_ADDR="unix:").post("/nomaflow/sign-in", {"username": "ann", "password": PASSWORD})
    assert AuditEvent.objects.get().address is None
