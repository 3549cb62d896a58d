from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from rest_framework.request import Request

from jobs_app.api.scope import ApiView
from runs_app.models import Run


class RunScoped(ApiView):
    """One run: 404 for who may not see its job, 403 for who lacks the verb on it."""

    verb: ClassVar[str] = "view"
    details: ClassVar[bool] = False
    """Whether steps and attempts are shown too."""
    run: Run

    def initial(self, request: Request, *args: object, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        runs = Run.objects.visible_to(request.user)
        found = (runs.with_details() if self.details else runs).filter(pk=kwargs["run"]).first()
        if found is None:
            raise Http404
        self.run = found
        self.may.require(self.verb, found.job_id)
