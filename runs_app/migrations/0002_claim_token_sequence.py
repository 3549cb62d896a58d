from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Claim tokens come from one sequence, so that a later claim always carries the larger token."""

    dependencies = [("runs", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE runs_claim_token AS bigint", reverse_sql="DROP SEQUENCE runs_claim_token"
        )
    ]
