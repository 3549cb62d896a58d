"""The pages about jobs. What changes a job or starts a run is asked of the API by the pages' scripts."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language

from jobs_app import cron, toml_format
from jobs_app.card_filter import CardFilter
from jobs_app.cards import cards, one_card
from jobs_app.models import Job, JobVersion
from jobs_app.pages import JobPage, Page
from jobs_app.run_form import connector_names, run_form


class Catalogue(Page):
    def get(self, request: HttpRequest) -> HttpResponse:
        everything = cards(Job.objects.visible_to(request.user).select_related("version"), self.may)
        chosen = CardFilter.read(request.GET.get("q", ""))
        context = {
            "cards": [card for card in everything if chosen.holds(card)],
            "total": len(everything),
            "filter": chosen,
            "may_import": self.may.may_set("jobs"),
            **tally(Counter(card.state for card in everything)),
        }
        return render(request, "jobs/catalogue.html", context)


class Tally(Page):
    """The counts beside the title, for a page that heard of a change."""

    def get(self, request: HttpRequest) -> HttpResponse:
        jobs = Job.objects.visible_to(request.user).with_last_state()
        states = Counter(state for state in jobs.values_list("last_state", flat=True))
        return render(request, "jobs/tally.html", tally(states))


def tally(states: Counter[str]) -> dict[str, int]:
    return {"running": states["RUNNING"], "queued": states["QUEUED"], "failing": states["FAILED"]}


class OneCard(JobPage):
    def get(self, request: HttpRequest, job_id: str) -> HttpResponse:
        return render(request, "jobs/card.html", {"card": one_card(self.job, self.may)})


class Detail(JobPage):
    def get(self, request: HttpRequest, job_id: str) -> HttpResponse:
        context = {
            "card": one_card(self.job, self.may),
            "toml": toml_format.export_toml([self.job.pk], may=self.may),
            "versions": JobVersion.objects.filter(job_id=self.job.pk).defer("definition")[:50],
            **schedule(self.job),
        }
        return render(request, "jobs/detail.html", context)


def schedule(job: Job) -> dict[str, Any]:
    """The job's schedule in words, its next five fires, and what a coming clock change does to it."""
    if not job.schedule:
        return {}
    language, now = get_language() or "en", timezone.now()
    try:
        read = cron.parse(job.schedule, job.timezone)
    except cron.CronError as error:  # a zone may vanish from the machine's database
        return {"schedule_problem": str(error)}
    return {
        "schedule_words": cron.describe(job.schedule, language),
        "fires": read.upcoming(now, 5),
        "clock_warnings": [warning.text(language) for warning in cron.clock_warnings(read, now)],
    }


class RunDialog(JobPage):
    def get(self, request: HttpRequest, job_id: str) -> HttpResponse:
        self.may.require("run", self.job.pk)
        card = one_card(self.job, self.may)
        form = run_form(self.job, card.definition, connector_names(request.user))
        return render(request, "jobs/run_dialog.html", {"card": card, "form": form})
