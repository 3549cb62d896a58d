"""The raw tables for support staff. What must pass `save_job` or `save_connector` is shown, never edited here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from jobs_app import audit, tokens
from jobs_app.audited_admin import Audited, actor, address
from jobs_app.models import AuditEvent, Connector, Job, JobVersion, PermissionRule, Step, Token
from jobs_app.permissions import InvalidPattern, parse_rule
from nomaflow.names import MIRROR_TASK


class ReadOnly(admin.ModelAdmin):
    """To be looked at: a raw edit would leave no version and no audit row."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class StepInline(admin.TabularInline):
    model = Step
    fields = ("position", "name", "type", "enabled", "timeout_seconds", "config")
    readonly_fields = fields
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False


@admin.register(Job)
class JobAdmin(ReadOnly):
    list_display = ("id", "enabled", "schedule", "timezone", "next_fire", "pool", "updated_at")
    list_filter = ("enabled", "built_in", "pool")
    search_fields = ("id", "description")
    inlines = (StepInline,)


@admin.register(Step)
class StepAdmin(ReadOnly):
    list_display = ("job_id", "position", "name", "type", "enabled")
    list_filter = ("type", "enabled")
    search_fields = ("=job__id", "name")


@admin.register(JobVersion)
class JobVersionAdmin(ReadOnly):
    list_display = ("job_id", "number", "author", "reason", "created_at")
    search_fields = ("=job_id", "author")


@admin.register(Connector)
class ConnectorAdmin(ReadOnly):
    list_display = ("name", "kind", "description", "version", "updated_at")
    list_filter = ("kind",)
    search_fields = ("name", "description")
    exclude = ("secrets",)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    list_display = ("at", "actor", "action", "object_kind", "object_id", "address")
    list_filter = ("action", "object_kind")
    search_fields = ("actor", "object_id")


@admin.register(Token)
class TokenAdmin(ReadOnly):
    list_display = ("prefix", "name", "user", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__username")
    exclude = ("digest",)
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.change_token")

    @admin.action(description=_("Revoke selected tokens"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Token]) -> None:
        for token in queryset:
            tokens.revoke(token, actor=actor(request), address=address(request))


class PermissionRuleForm(forms.ModelForm):
    class Meta:
        model = PermissionRule
        fields = ("user", "group", "pattern")

    def clean_pattern(self) -> str:
        pattern: str = self.cleaned_data["pattern"]
        try:
            parse_rule(pattern)
        except InvalidPattern as error:
            raise forms.ValidationError(str(error)) from error
        return pattern


@admin.register(PermissionRule)
class PermissionRuleAdmin(admin.ModelAdmin):
    """Rules may be edited: each change is checked and leaves its audit row."""

    form = PermissionRuleForm
    list_display = ("pattern", "user", "group")
    list_select_related = ("user", "group")
    search_fields = ("pattern", "user__username", "group__name")

    def save_model(self, request: HttpRequest, obj: PermissionRule, form: Any, change: bool) -> None:
        old = form.initial.get("pattern") if change else None
        super().save_model(request, obj, form, change)
        self._record(request, "permission.changed" if change else "permission.granted", obj, old=old)

    def delete_model(self, request: HttpRequest, obj: PermissionRule) -> None:
        self._record(request, "permission.removed", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[PermissionRule]) -> None:
        for rule in queryset:
            self._record(request, "permission.removed", rule)
        super().delete_queryset(request, queryset)

    def _record(self, request: HttpRequest, action: str, rule: PermissionRule, **detail: Any) -> None:
        holder = rule.user or rule.group
        audit.record(
            actor(request),
            action,
            kind="group" if rule.group else "user",
            id=str(holder),
            address=address(request),
            pattern=rule.pattern,
            **detail,
        )


admin.site.unregister((User, Group, PeriodicTask))


@admin.register(User)
class AccountAdmin(Audited, UserAdmin):
    """Only who has every right may give it: anybody else who may change accounts could make their own a superuser."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *_RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_touch(request, obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_touch(request, obj) and bool(super().has_delete_permission(request, obj))


_RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


def _may_touch(request: HttpRequest, account: Any) -> bool:
    """A superuser's account is theirs and other superusers' to change, its password above all."""
    return account is None or not account.is_superuser or request.user.is_superuser


@admin.register(Group)
class RoleAdmin(Audited, GroupAdmin):
    pass


for model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule):
    own = type(admin.site.get_model_admin(model))
    admin.site.unregister(model)
    admin.site.register(model, type(f"Audited{own.__name__}", (Audited, own), {}))


@admin.register(PeriodicTask)
class ScheduleAdmin(Audited, PeriodicTaskAdmin):
    """Plain periodic tasks as Celery has them; the copies of our schedules are to be looked at."""

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return not _is_mirror(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return not _is_mirror(obj) and bool(super().has_delete_permission(request, obj))

    @admin.action(description=_("Enable selected tasks"))
    def enable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        super().enable_tasks(request, self._plain(request, queryset, "enabled"))

    @admin.action(description=_("Disable selected tasks"))
    def disable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        super().disable_tasks(request, self._plain(request, queryset, "disabled"))

    @admin.action(description=_("Toggle activity of selected tasks"))
    def toggle_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        super().toggle_tasks(request, self._plain(request, queryset, "toggled"))

    @admin.action(description=_("Run selected tasks"))
    def run_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        super().run_tasks(request, self._plain(request, queryset, "run"))

    def _plain(
        self, request: HttpRequest, queryset: QuerySet[PeriodicTask], verb: str
    ) -> QuerySet[PeriodicTask]:
        if queryset.filter(task=MIRROR_TASK).exists():
            sentence = _("Copies of job schedules were left alone: change or run the job on its own page.")
            self.message_user(request, sentence, level=messages.WARNING)
        plain = queryset.exclude(task=MIRROR_TASK)
        for task in plain:
            self.audit(request, verb, task)
        return plain


def _is_mirror(obj: Model | None) -> bool:
    return isinstance(obj, PeriodicTask) and obj.task == MIRROR_TASK
