"""Who may do what: patterns held by users and groups, one question per function.

`job:<pattern>[:verb]`, `connector:<pattern>:use|sql`, `settings:<area>`. `*` in a pattern matches any run of
characters. A job rule without a verb means view, run and cancel. A leading `!` denies and wins.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.utils.translation import gettext as _

log = logging.getLogger(__name__)

JOB_VERBS = ("view", "run", "cancel", "edit")
CONNECTOR_VERBS = ("use", "sql")
SETTINGS_AREAS = ("jobs", "connectors", "notifications", "technical", "users", "audit")
_PLAIN_JOB_VERBS = frozenset(("view", "run", "cancel"))


class InvalidPattern(ValueError):
    """A permission pattern that means nothing."""


@dataclass(frozen=True)
class Rule:
    """One parsed pattern."""

    family: str
    pattern: str
    verbs: frozenset[str]
    deny: bool = False

    def covers(self, family: str, name: str, verb: str) -> bool:
        return self.family == family and verb in self.verbs and fnmatchcase(name, self.pattern)


def parse_rule(text: str) -> Rule:
    """Read one pattern; `InvalidPattern` says what is wrong.

    >>> parse_rule("job:etl-*:run").verbs == {"run", "view"}
    True
    """
    deny = text.startswith("!")
    family, _sep, rest = text.removeprefix("!").partition(":")
    if family == "settings" and (rest == "*" or rest in SETTINGS_AREAS):
        return Rule("settings", rest, frozenset(("use",)), deny)
    pattern, _sep, verb = rest.partition(":")
    if family not in ("job", "connector") or not pattern or "[" in pattern or "?" in pattern:
        raise InvalidPattern(_("“%s” is no permission pattern.") % text)
    return Rule(family, pattern, _verbs(family, verb, deny, text), deny)


def _verbs(family: str, verb: str, deny: bool, text: str) -> frozenset[str]:
    known = JOB_VERBS if family == "job" else CONNECTOR_VERBS
    verb = "cancel" if verb == "abort" else verb
    if not verb:
        return frozenset(known) if deny or family == "connector" else _PLAIN_JOB_VERBS
    if verb not in known:
        raise InvalidPattern(_("“%(verb)s” in “%(rule)s” is no verb.") % {"verb": verb, "rule": text})
    # Whoever may run, cancel or edit a job must be able to see it.
    return frozenset((verb,)) if deny or family == "connector" else frozenset((verb, "view"))


@dataclass(frozen=True)
class Permissions:
    """Everything one user (or one of their tokens) may do."""

    rules: tuple[Rule, ...]
    everything: bool = False
    scopes: tuple[Rule, ...] | None = None

    def allows(self, family: str, name: str, verb: str) -> bool:
        if self.scopes is not None and not _holds(self.scopes, family, name, verb):
            return False
        return self.everything or _holds(self.rules, family, name, verb)

    def may(self, verb: str, job_id: str) -> bool:
        """May this user `view`, `run`, `cancel` or `edit` the job?"""
        return self.allows("job", job_id, verb)

    def may_set(self, area: str) -> bool:
        """May this user open the settings area?"""
        return self.allows("settings", area, "use")

    def require(self, verb: str, job_id: str) -> None:
        """Raise `PermissionDenied` naming the missing permission."""
        if not self.may(verb, job_id):
            raise PermissionDenied(
                _("This needs the permission job:%(job)s:%(verb)s.") % {"job": job_id, "verb": verb}
            )

    def require_settings(self, area: str) -> None:
        if not self.may_set(area):
            raise PermissionDenied(_("This needs the permission settings:%s.") % area)

    def job_filter(self, verb: str, *, field: str) -> Q:
        """The same answer as `may`, as a condition on a column holding job ids."""
        return self._filter("job", verb, field)

    def connector_filter(self, verb: str, *, field: str) -> Q:
        return self._filter("connector", verb, field)

    def _filter(self, family: str, verb: str, field: str) -> Q:
        condition = Q() if self.everything else _condition(self.rules, family, verb, field)
        if self.scopes is not None:
            condition &= _condition(self.scopes, family, verb, field)
        return condition


def _holds(rules: Iterable[Rule], family: str, name: str, verb: str) -> bool:
    hits = [rule.deny for rule in rules if rule.covers(family, name, verb)]
    return bool(hits) and not any(hits)


NOTHING = Q(pk__in=[])


def _condition(rules: Iterable[Rule], family: str, verb: str, field: str) -> Q:
    granted, denied = NOTHING, Q()
    for rule in rules:
        if rule.family == family and verb in rule.verbs:
            match = _matches(field, rule.pattern)
            granted, denied = (granted, denied & ~match) if rule.deny else (granted | match, denied)
    return granted & denied


def _matches(field: str, pattern: str) -> Q:
    if pattern == "*":
        return Q(**{f"{field}__isnull": False})
    if "*" not in pattern:
        return Q(**{field: pattern})
    escaped = "".join(".*" if char == "*" else _escape(char) for char in pattern)
    return Q(**{f"{field}__regex": f"^(?:{escaped})$"})


def _escape(char: str) -> str:
    return char if char.isalnum() or char in "_-" else "\\" + char


def permissions_of(user: Any) -> Permissions:
    """What `user` may do; an inactive or anonymous user may do nothing. Cached on the user object."""
    cached = getattr(user, "_nomaflow_permissions", None)
    if cached is None:
        cached = _load(user)
        if user is not None:
            user._nomaflow_permissions = cached
    return cached


def _load(user: Any) -> Permissions:
    if user is None or not user.is_active or not user.is_authenticated:
        return Permissions(())
    from jobs_app.models import PermissionRule  # models use this module

    patterns = PermissionRule.objects.filter(Q(user=user) | Q(group__user=user)).values_list(
        "pattern", flat=True
    )
    scopes = getattr(user, "nomaflow_scopes", None)
    return Permissions(
        _parsed(patterns), everything=user.is_superuser, scopes=_parsed(scopes) if scopes else None
    )


def _parsed(patterns: Iterable[str]) -> tuple[Rule, ...]:
    """A stored pattern that means nothing grants nothing; one that was to deny takes everything away."""
    rules = []
    for pattern in patterns:
        try:
            rules.append(parse_rule(pattern))
        except InvalidPattern:
            log.warning("permission pattern %r means nothing", pattern)
            if pattern.startswith("!"):
                return ()
    return tuple(rules)
