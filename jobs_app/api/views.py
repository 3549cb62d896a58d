"""The endpoints about jobs."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from jobs_app import schedules, toml_format
from jobs_app.api.content import TextParser
from jobs_app.api.scope import ApiView, JobScoped
from jobs_app.models import Job
from jobs_app.presentation import catalogue, import_dict, job_detail


class JobList(ApiView):
    def get(self, request: Request) -> Response:
        return Response({"jobs": catalogue(Job.objects.visible_to(request.user))})


class JobDetail(JobScoped):
    def get(self, request: Request, job_id: str) -> Response:
        return Response({"job": job_detail(job_id)})


class JobExport(JobScoped):
    def get(self, request: Request, job_id: str) -> HttpResponse:
        text = toml_format.export_toml([self.job.pk], may=self.may)
        response = HttpResponse(text, content_type="application/toml")
        response["Content-Disposition"] = f'attachment; filename="{self.job.pk}.toml"'
        return response


class JobEnable(JobScoped):
    verb = "edit"
    enabled = True

    def post(self, request: Request, job_id: str) -> Response:
        schedules.set_enabled(self.job, self.enabled, author=self.actor, address=self.address)
        return Response({"job": job_detail(job_id)})


class JobDisable(JobEnable):
    enabled = False


class JobImport(ApiView):
    """All of the file or nothing of it; a refusal lists every problem with its line."""

    parser_classes = [TextParser]

    def post(self, request: Request) -> Response:
        self.may.require_settings("jobs")
        text = request.data if isinstance(request.data, str) else ""
        result = toml_format.import_toml(text, actor=self.actor, address=self.address, may=self.may)
        return Response(import_dict(result))
