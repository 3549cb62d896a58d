"""Where a python step's function must live: a module file inside the plugins folder."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

from jobs_app.shapes import Wrong

_SHAPE = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)*:[A-Za-z]\w*", re.ASCII)


def check(dotted: str) -> None:
    """Raise `Wrong` unless `module.path:function` has that shape and its file lies in `plugins/`.

    Nothing is imported: whether the module imports and has the function shows at run time.
    """
    if not _SHAPE.fullmatch(dotted):
        raise Wrong(f"{dotted!r} must look like module.path:function_name, no part starting with “_”")
    module = dotted.partition(":")[0]
    root = Path(settings.NOMAFLOW_PLUGINS_DIR).resolve()
    place = root.joinpath(*module.split("."))
    for file in (place.with_name(place.name + ".py"), place / "__init__.py"):
        if file.is_file():
            if not file.resolve().is_relative_to(root):
                raise Wrong(f"{dotted!r} leads out of the plugins folder")
            return
    raise Wrong(f"{dotted!r}: the plugins folder has no module {module}")
