from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from jobs_app import tokens
from jobs_app.connectors import save_connector
from jobs_app.models import AuditEvent, Connector, Job, JobVersion, PermissionRule, Step, Token
from tests.jobs.examples import saved
from tests.people import PASSWORD, person

pytestmark = pytest.mark.django_db
PAGES = "/django-admin/"


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(person("root", superuser=True))
    return client


def change_page(model: type, key: object) -> str:
    return f"{PAGES}{model._meta.app_label}/{model._meta.model_name}/{key}/change/"


@pytest.mark.parametrize("model", [Job, Step, JobVersion, Connector, AuditEvent, Token])
def test_what_has_its_own_writer_is_read_only(root: Client, model: type) -> None:
    saved(schedule="@daily")
    save_connector({"name": "ops", "kind": "database", "url": "x://y", "password": "canary-word"}, actor="t")
    tokens.create(person("ann"), name="ci")
    row = model._default_manager.first()
    page = root.get(change_page(model, row.pk))
    assert page.status_code == 200
    assert 'name="_save"' not in page.text
    assert root.post(change_page(model, row.pk), {"description": "x"}).status_code == 403
    assert root.get(f"{PAGES}jobs/{model._meta.model_name}/").status_code == 200
    assert root.get(f"{PAGES}jobs/{model._meta.model_name}/add/").status_code == 403


def test_secrets_and_digests_are_not_shown(root: Client) -> None:
    save_connector({"name": "ops", "kind": "database", "url": "x://y", "password": "canary-word"}, actor="t")
    token, plain = tokens.create(person("ann"), name="ci")
    for page in (root.get(change_page(Connector, "ops")), root.get(change_page(Token, token.pk))):
        assert not {word for word in ("canary-word", "secrets", token.digest, plain) if word in page.text}


def test_mirrors_are_read_only_and_plain_tasks_are_not(root: Client) -> None:
    saved(schedule="@daily")
    mirror = PeriodicTask.objects.get()
    every = IntervalSchedule.objects.create(every=1, period="hours")
    plain = PeriodicTask.objects.create(name="plain", task="plain", interval=every)
    assert 'name="_save"' not in root.get(change_page(PeriodicTask, mirror.pk)).text
    assert 'name="_save"' in root.get(change_page(PeriodicTask, plain.pk)).text
    listing = f"{PAGES}django_celery_beat/periodictask/"
    for action in ("disable_tasks", "toggle_tasks", "delete_selected", "run_tasks"):
        chosen = {"action": action, "_selected_action": [mirror.pk], "post": "yes"}
        root.post(listing, chosen)
        mirror.refresh_from_db()
        assert mirror.enabled, action
    root.post(listing, {"action": "disable_tasks", "_selected_action": [mirror.pk, plain.pk]})
    plain.refresh_from_db()
    assert not plain.enabled
    assert "wrong_scheduler" not in root.get(listing).text


def test_a_rule_is_checked_and_its_change_recorded(root: Client) -> None:
    ann = person("ann")
    add = f"{PAGES}jobs/permissionrule/add/"
    assert "no permission pattern" in root.post(add, {"user": ann.pk, "pattern": "nonsense"}).text
    assert root.post(add, {"user": ann.pk, "pattern": "job:etl-*"}).status_code == 302
    rule = PermissionRule.objects.get()
    root.post(change_page(PermissionRule, rule.pk), {"user": ann.pk, "pattern": "job:*"})
    root.post(f"{PAGES}jobs/permissionrule/{rule.pk}/delete/", {"post": "yes"})
    events = AuditEvent.objects.filter(object_kind="user", object_id="ann").order_by("id")
    assert [event.action.partition(".")[2] for event in events] == ["granted", "changed", "removed"]
    assert events[1].detail == {"pattern": "job:*", "old": "job:etl-*"}
    assert {event.actor for event in events} == {"user:root"}


def test_changes_of_accounts_are_recorded_without_the_password(root: Client) -> None:
    new = {"username": "new", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    assert root.post(f"{PAGES}auth/user/add/", new).status_code == 302
    made = User.objects.get(username="new")
    word = {"password1": "another battery", "password2": "another battery", "usable_password": "true"}
    assert root.post(f"{PAGES}auth/user/{made.pk}/password/", word).status_code == 302
    chosen = {"action": "delete_selected", "_selected_action": [made.pk], "post": "yes"}
    assert root.post(f"{PAGES}auth/user/", chosen).status_code == 302
    events = AuditEvent.objects.filter(object_id="new").order_by("id")
    assert [event.action for event in events] == ["user.added", "user.changed", "user.deleted"]
    assert {event.actor for event in events} == {"user:root"}
    assert "battery" not in str([event.detail for event in events])


def test_who_may_change_accounts_makes_nobody_a_superuser() -> None:
    clerk = person("clerk")
    clerk.is_staff = True
    clerk.save()
    clerk.user_permissions.set(
        Permission.objects.filter(codename__in=("view_user", "change_user", "delete_user"))
    )
    other, boss = person("other"), person("boss", superuser=True)
    client = Client()
    client.force_login(clerk)
    wish = {"username": "other", "is_superuser": "on", "is_staff": "on", "is_active": "on"}
    wish |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00", "first_name": "Otto"}
    assert client.post(change_page(User, other.pk), wish).status_code == 302
    other.refresh_from_db()
    assert (other.first_name, other.is_superuser, other.is_staff) == ("Otto", False, False)
    word = {"password1": "another battery", "password2": "another battery", "usable_password": "true"}
    assert client.post(f"{PAGES}auth/user/{boss.pk}/password/", word).status_code == 403
    assert client.post(f"{PAGES}auth/user/{boss.pk}/delete/", {"post": "yes"}).status_code == 403


def test_plain_periodic_tasks_leave_their_rows(root: Client) -> None:
    plain = PeriodicTask.objects.create(
        name="tidy", task="x.tidy", interval=IntervalSchedule.objects.create(every=1, period="days")
    )
    listing = f"{PAGES}django_celery_beat/periodictask/"
    root.post(listing, {"action": "disable_tasks", "_selected_action": [plain.pk]})
    assert AuditEvent.objects.filter(action="periodictask.disabled", object_id__contains="tidy").exists()


def test_tokens_can_be_revoked(root: Client) -> None:
    token, plain = tokens.create(person("ann"), name="ci")
    root.post(f"{PAGES}jobs/token/", {"action": "revoke", "_selected_action": [token.pk]})
    assert tokens.authenticate(plain) is None


def test_every_model_of_ours_is_there() -> None:
    registered = {model for model in admin.site._registry if model._meta.app_label == "jobs"}
    assert registered == {Job, Step, JobVersion, Connector, AuditEvent, Token, PermissionRule}
