"""The pages with made-up data: `python frontend/demo/server.py [port]`, after `npm run build`.

A plain ASGI application over the product's own templates and tags. It speaks the product's live
protocol, so that what is seen here is what the pages will do.
"""

from __future__ import annotations

import asyncio
import json
import mimetypes
import sys
from pathlib import Path
from urllib.parse import parse_qsl

import django
import uvicorn
from django.conf import settings
from django.template import engines

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(HERE)]
settings.configure(
    STATIC_URL="/static/",
    USE_TZ=True,
    INSTALLED_APPS=[],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [HERE, ROOT / "nomaflow/templates"],
            "OPTIONS": {"libraries": {"ui": "nomaflow.templatetags.ui"}},
        }
    ],
)
django.setup()

import data  # noqa: E402
import log  # noqa: E402

CSP = "default-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'"
PAGES = {
    "/nomaflow": ("jobs.html", {"section": "jobs"}),
    "/nomaflow/runs": ("runs.html", {"section": "runs"}),
    "/nomaflow/sign-in": ("sign_in.html", {}),
}


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        listening = asyncio.create_task(gone(receive))
        try:
            await live(scope, send, listening)
        finally:
            listening.cancel()
    elif scope["type"] == "http":
        status, kind, body = respond(scope)
        headers = [(b"content-type", kind.encode()), (b"content-security-policy", CSP.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def gone(receive):
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def live(scope, send, listening):
    query = dict(parse_qsl(scope["query_string"].decode()))
    after = int(query.get("after", 0))
    while not listening.done():
        if scope["path"].startswith("/ws/runs/"):
            page = log.page({"after": after, "limit": 1000})
            if page["lines"]:
                message = {"t": "lines", "from": after + 1, "to": page["last"], "lines": page["lines"]}
                await send({"type": "websocket.send", "text": json.dumps(message)})
                after = page["last"]
        await asyncio.sleep(0.2)


def respond(scope):
    path, query = scope["path"], dict(parse_qsl(scope["query_string"].decode()))
    if path.startswith("/static/ui/"):
        file = ROOT / "nomaflow/static/ui" / Path(path).name
        return 200, mimetypes.guess_type(file.name)[0] or "font/woff2", file.read_bytes()
    if path.endswith("/logs"):
        numbers = {name: int(value) for name, value in query.items() if value.isdigit()}
        return 200, "application/json", json.dumps(log.page(numbers)).encode()
    cookies = dict(scope["headers"]).get(b"cookie", b"").decode()
    theme = dict(parse_qsl(cookies.replace("; ", "&"))).get("theme", query.get("theme", "system"))
    if path.startswith("/nomaflow/runs/"):
        name, context = "run.html", {"section": "runs"}
    elif path in PAGES:
        name, context = PAGES[path]
    else:
        return 404, "text/plain", b"no such page"
    context = {
        **context,
        "jobs": data.JOBS,
        "runs": data.RUNS,
        "run": data.RUNS[0],
        "steps": data.STEPS,
        "started": data.before(seconds=134),
        "now": data.NOW,
        "step_names": json.dumps([step.name for step in data.STEPS]),
        "nav_running": 2,
        "nav_failed": 1,
        "request": {"COOKIES": {"theme": theme}},
        "user": {"is_authenticated": True, "get_username": "ann"},
        "csrf_token": "demo",
    }
    return 200, "text/html; charset=utf-8", engines["django"].get_template(name).render(context).encode()


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]) if len(sys.argv) > 1 else 8765, log_level="warning", lifespan="off"
    )
