"""The base of every endpoint: rows are loaded for this user, or not at all."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from rest_framework.request import Request
from rest_framework.views import APIView

from jobs_app import audit
from jobs_app.models import Job, Token
from jobs_app.permissions import Permissions, permissions_of


class ApiView(APIView):
    """Signed-in users only (see `REST_FRAMEWORK`); answers are never cached."""

    @property
    def may(self) -> Permissions:
        return permissions_of(self.request.user)

    @property
    def actor(self) -> str:
        """Who is asking, as the audit trail and a run's reason name them; a token acts for its user."""
        return f"user:{self.request.user.get_username()}"[:150]

    @property
    def address(self) -> str | None:
        """Where the request came from; a proxy's header is not believed, the server sets the real peer."""
        return audit.ip_address(self.request.META.get("REMOTE_ADDR", ""))

    @property
    def trigger(self) -> tuple[str, str]:
        """`triggered_by` and its detail: the session's user, or `api` and the token's name."""
        if isinstance(self.request.auth, Token):
            return "api", self.request.auth.name
        return self.actor, ""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.setdefault("Cache-Control", "no-store")
        return response


class JobScoped(ApiView):
    """One job: 404 for who may not see it, 403 for who lacks the verb."""

    verb: ClassVar[str] = "view"
    job: Job

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        found = Job.objects.visible_to(request.user).filter(pk=kwargs["job_id"]).first()
        if found is None:
            raise Http404
        self.job = found
        self.may.require(self.verb, found.pk)
