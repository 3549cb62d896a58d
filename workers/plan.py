"""What one step of one run is about to do: its parameters and configuration, merged and substituted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs_app.masking import Masker, hide
from jobs_app.substitution import Sources, substitute
from runs_app.models import Run, StepRun


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """One step's substituted parameters and configuration, and what of them may be shown."""

    params: dict[str, Any]
    config: dict[str, Any]
    shown: dict[str, Any]


def _sources(run: Run, outputs: Mapping[str, Any], params: Mapping[str, Any], masker: Masker) -> Sources:
    return Sources(
        run_id=run.run_id,
        job_id=run.job_id,
        as_of=run.as_of,
        zone=run.version.definition["timezone"] if run.version else "UTC",
        params=params,
        outputs=outputs,
        secret_sink=masker.add,
    )


def prepare(
    run: Run, step: StepRun, definition: Mapping[str, Any], outputs: Mapping[str, Any], masker: Masker
) -> Prepared:
    """Merge the layers and fill in every `${…}`. Raises `UnknownName`."""
    own = run.snapshot["op_kwargs"].get(step.name, {})
    merged = {**run.snapshot["params"], **own}
    known = _sources(run, outputs, merged, masker)
    params = substitute(merged, known)
    config = {**definition["config"], **({"op_kwargs": own} if "op_kwargs" in definition["config"] else {})}
    config = substitute(config, known)
    return Prepared(
        params=params, config=config, shown=masker.mask_tree(hide({"params": params, "config": config}))
    )
