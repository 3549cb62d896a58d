"""The base of every page: who is not signed in is asked to, rows are loaded for this user or not at all."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views import View
from django_htmx.http import HttpResponseClientRefresh

from jobs_app import audit
from jobs_app.models import Job
from jobs_app.permissions import Permissions, permissions_of


class Page(LoginRequiredMixin, View):
    """A page or a fragment of one; never cached."""

    @property
    def may(self) -> Permissions:
        return permissions_of(self.request.user)

    @property
    def address(self) -> str | None:
        """Where the request came from, as the audit trail can hold it."""
        return audit.ip_address(self.request.META.get("REMOTE_ADDR", ""))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = super().dispatch(request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    def handle_no_permission(self) -> Any:
        """A fragment is never answered with the sign-in page: the whole page goes there."""
        if self.request.headers.get("HX-Request"):
            return HttpResponseClientRefresh()
        return super().handle_no_permission()


class JobPage(Page):
    """One job: 404 for who may not see it."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        visible = Job.objects.visible_to(request.user).select_related("version")
        self._found: Job | None = visible.filter(pk=kwargs["job_id"]).first()

    @property
    def job(self) -> Job:
        if self._found is None:
            raise Http404(_("There is no such job."))
        return self._found
