from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs_app.models import Connector, Job, PermissionRule
from jobs_app.permissions import JOB_VERBS, Permissions, parse_rule, permissions_of
from tests.soak import times

NAMES = ["a", "A", "ab", "a-b", "a_b", "etl-a", "etl-ab", "b", "a1", "_clean", "etl"]

patterns = st.sampled_from(
    ["*", "a*", "*a", "*-*", "a_*", "etl-*", "**", *NAMES, "a.b", "a+", "(a)", "a|b", "^a$", "\\d"]
)
rules = st.builds(
    lambda deny, family, pattern, verb: f"{deny}{family}:{pattern}{verb[family]}",
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["job", "job", "connector"]),
    patterns,
    st.fixed_dictionaries(
        {
            "job": st.sampled_from(["", *(f":{verb}" for verb in JOB_VERBS), ":abort"]),
            "connector": st.sampled_from(["", ":use", ":sql"]),
        }
    ),
)


@pytest.fixture
def job_rows(db: None) -> None:
    Job.objects.bulk_create([Job(id=name) for name in NAMES if name != "A"])
    Connector.objects.bulk_create([Connector(name=name, kind="x") for name in NAMES if name != "_clean"])


@pytest.fixture
def holder(db: None) -> Callable[[list[str], list[str], list[str]], User]:
    def hold(own: list[str], groups: list[str], scopes: list[str]) -> User:
        user = User.objects.create(username="eve")
        group = Group.objects.create(name="team")
        user.groups.add(group)
        for rule in dict.fromkeys(own):
            user.permission_rules.create(pattern=rule)
        for rule in dict.fromkeys(groups):
            group.permission_rules.create(pattern=rule)
        user.nomaflow_scopes = scopes
        return user

    return hold


@given(st.lists(rules, max_size=4), st.none() | st.lists(rules, max_size=3), st.booleans())
@settings(max_examples=times(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_filter_answers_as_may_does(
    job_rows: None, own: list[str], scopes: list[str] | None, all_: bool
) -> None:
    permissions = Permissions(
        tuple(map(parse_rule, own)),
        everything=all_,
        scopes=None if scopes is None else tuple(map(parse_rule, scopes)),
    )
    for verb in JOB_VERBS:
        found = set(Job.objects.filter(permissions.job_filter(verb, field="id")).values_list("id", flat=True))
        assert found == {name for name in NAMES if name != "A" and permissions.may(verb, name)}
    for verb in ("use", "sql"):
        found = set(
            Connector.objects.filter(permissions.connector_filter(verb, field="name")).values_list(
                "name", flat=True
            )
        )
        assert found == {
            name for name in NAMES if name != "_clean" and permissions.allows("connector", name, verb)
        }


@pytest.mark.usefixtures("job_rows")
def test_rules_of_the_user_and_of_the_groups_count_alike(
    holder: Callable[[list[str], list[str], list[str]], User],
) -> None:
    user = holder(["job:a*:view", "!job:ab"], ["job:etl-*:run"], [])
    assert (
        set(Job.objects.visible_to(user).values_list("id", flat=True))
        == {name for name in NAMES if name != "A" and permissions_of(user).may("view", name)}
        == {"a", "a-b", "a_b", "a1", "etl-a", "etl-ab"}
    )


@pytest.mark.usefixtures("job_rows")
def test_nobody_sees_nothing(holder: Callable[[list[str], list[str], list[str]], User]) -> None:
    assert not Job.objects.visible_to(AnonymousUser()).exists()
    user = holder(["job:*"], [], [])
    user.is_active = False
    assert not Job.objects.visible_to(user).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("stored", "may"), [("job:[", True), ("!job", False)])
def test_a_stored_pattern_that_means_nothing_is_no_error_and_grants_nothing(stored: str, may: bool) -> None:
    user = User.objects.create_user("bob")
    for pattern in ("job:mine:view", stored):
        PermissionRule.objects.create(user=user, pattern=pattern)
    assert permissions_of(user).may("view", "mine") is may
    assert not permissions_of(user).may("view", "other")
