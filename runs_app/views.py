"""The operators' pages about runs. Each loads for this user, asks the domain, answers."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django_htmx.http import trigger_client_event

from jobs_app.pages import Page
from runs_app import lifecycle
from runs_app.filters import FilterError
from runs_app.models import Run
from runs_app.presentation import url
from runs_app.run_list import RunList
from runs_app.run_page import RunPage


class RunScoped(Page):
    """One run: 404 for who may not see its job, 403 for who lacks the verb on it."""

    verb: ClassVar[str] = "view"
    run: Run

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        if not request.user.is_authenticated:
            return  # `dispatch` sends them to the sign-in page
        found = Run.objects.visible_to(request.user).with_details().filter(pk=kwargs["run"]).first()
        if found is None:
            raise Http404(_("There is no such run."))
        self.run = found
        self.may.require(self.verb, found.job_id)

    def show(self, template: str) -> HttpResponse:
        page = RunPage.of(self.run, self.request.user)
        return render(self.request, template, {"page": page, "run": self.run})


class RunDetailPage(RunScoped):
    def get(self, request: HttpRequest, run: int) -> HttpResponse:
        return self.show("runs/run.html")


class RunFragment(RunScoped):
    """What moves on the page of a run; asked for whenever the run has moved."""

    def get(self, request: HttpRequest, run: int) -> HttpResponse:
        return self.show("runs/live.html")


class RunCancelDialog(RunScoped):
    verb = "cancel"

    def get(self, request: HttpRequest, run: int) -> HttpResponse:
        return self.show("runs/cancel.html")

    def post(self, request: HttpRequest, run: int) -> HttpResponse:
        actor = f"user:{request.user.get_username()}"[:150]
        lifecycle.request_cancel(self.run, by=actor, address=self.address)
        if not request.htmx:  # type: ignore[attr-defined]
            return redirect(url(self.run))
        # The dialog closes and the page looks again, also when the run had ended meanwhile.
        return trigger_client_event(trigger_client_event(HttpResponse(status=204), "nf:run"), "nf:close")


class RunListPage(Page):
    def get(self, request: HttpRequest) -> HttpResponse:
        runs = RunList.of(request.user, request.GET)
        part = bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]
        context: dict[str, Any] = {"runs": runs}
        name, status = "list", 200
        try:
            runs.filter  # noqa: B018  read now, for its faults
        except FilterError as error:
            # htmx shows no answer that failed
            name, context, status = "problem", {"problem": error.message}, 200 if part else 400
        response = render(request, f"runs/{name}.html{'#rows' * part}", context, status=status)
        if part:
            push = name == "list" and request.htmx.trigger == "run-filters"  # type: ignore[attr-defined]
            response["HX-Push-Url"] = runs.here if push else "false"
        return response
