from __future__ import annotations

import pytest

from jobs_app.models import Job
from tests.factories import make_job

pytestmark = pytest.mark.django_db


def test_the_catalogue_is_alphabetical_whatever_the_case_and_the_order_of_saving(installation) -> None:
    for job_id in ("nightly", "Flaky", "long", "alpha"):
        make_job(job_id)
    assert [job.pk for job in Job.objects.for_catalogue()] == ["alpha", "Flaky", "long", "nightly"]
