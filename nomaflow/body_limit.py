"""How much a request may send. Django writes a whole body to disk before it asks who sends it; this stops it first."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

MOST_BYTES = 6_000_000
"""A little above what any address reads, so that their own sentences are told."""

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


def bounded(application: Application, *, most: int = MOST_BYTES) -> Application:
    """`application`, answering 413 to a body of more than `most` bytes; what comes after them is thrown away."""

    async def answer(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            # To the application it looks like a client that went away: it tidies up and says nothing.
            return message if taken <= most else {"type": "http.disconnect"}

        await application(scope, limited, send)
        if taken > most:
            await _refuse(send, most)

    return answer


async def _refuse(send: Send, most: int) -> None:
    sentence = f"The body is larger than {most} bytes."
    error = {"code": "too_large", "field": None, "message": sentence, "request_id": None}
    body = json.dumps({"error": error}).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 413, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
