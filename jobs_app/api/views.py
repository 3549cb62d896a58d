"""The endpoints about jobs."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from jobs_app import schedules, toml_format
from jobs_app.api.content import TextParser
from jobs_app.api.scope import ApiView, JobScoped
from jobs_app.models import Job
from jobs_app.presentation import job_detail, job_dict


class JobList(ApiView):
    def get(self, request: Request) -> Response:
        jobs = list(Job.objects.visible_to(request.user).for_catalogue())
        last = Job.objects.last_runs(jobs)
        return Response({"jobs": [job_dict(job, last_run=last.get(job.pk)) for job in jobs]})


class JobDetail(JobScoped):
    def get(self, request: Request, job_id: str) -> Response:
        return Response({"job": answer(self.job)})


class JobExport(JobScoped):
    def get(self, request: Request, job_id: str) -> HttpResponse:
        response = HttpResponse(toml_format.export_toml([self.job.pk]), content_type="application/toml")
        response["Content-Disposition"] = f'attachment; filename="{self.job.pk}.toml"'
        return response


class JobEnable(JobScoped):
    verb = "edit"
    enabled = True

    def post(self, request: Request, job_id: str) -> Response:
        schedules.set_enabled(self.job, self.enabled, author=self.actor, address=self.address)
        return Response({"job": answer(self.job)})


class JobDisable(JobEnable):
    enabled = False


class JobImport(ApiView):
    """All of the file or nothing of it; a refusal lists every problem with its line."""

    parser_classes = [TextParser]

    def post(self, request: Request) -> Response:
        self.may.require_settings("jobs")
        text = request.data if isinstance(request.data, str) else ""
        result = toml_format.import_toml(text, actor=self.actor, address=self.address)
        return Response(toml_format_answer(result))


def toml_format_answer(result: Any) -> dict[str, list[str]]:
    return {name: list(getattr(result, name)) for name in ("created", "updated", "unchanged", "connectors")}


def answer(job: Job) -> dict[str, Any]:
    job = Job.objects.for_catalogue().get(pk=job.pk)
    return job_detail(job, last_run=Job.objects.last_runs([job]).get(job.pk))
