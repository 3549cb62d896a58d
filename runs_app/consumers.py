"""The live pages' sockets: check the right, join, replay from the table, stream.

A message from the layer is only a hint. Whatever it skips, and whenever the broker is away, the table is read;
so a viewer sees every stored line once and in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async
from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.utils import await_many_dispatch
from django.conf import settings
from redis.asyncio import Redis

from jobs_app.permissions import permissions_of
from nomaflow import names
from runs_app import logs, run_ids
from runs_app.models import Run
from runs_app.states import FINAL

PAGE = 2_000
CALM_POLL_SECONDS = 5.0
"""How often the table is looked at although the layer says nothing."""
ALARM_POLL_SECONDS = 1.0
"""The same while the broker does not answer."""
RECHECK_SECONDS = 20.0
"""How often the viewer's right is checked again."""

JOIN_SECONDS = 1.0
MOST_HINTS = 64
"""Batches held for a viewer who reads slowly; the rest is read from the table when they catch up."""
FORBIDDEN, BROKEN = 4403, 4500

log = logging.getLogger(__name__)


class _Viewer(AsyncWebsocketConsumer):
    """What both sockets share: a signed-in user whose right is checked on the way in and again while it lasts.

    The layer is heard in a task of its own, not in the consumer's loop: a viewer is served while the broker is away.
    """

    group: str
    _tasks: tuple[asyncio.Task[None], ...] = ()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self.base_send, self.channel_layer = scope, send, None
        try:
            with contextlib.suppress(StopConsumer):
                await await_many_dispatch([receive], self.dispatch)
        finally:  # also when the client left in the middle of the handshake
            for task in self._tasks:
                task.cancel()

    async def connect(self) -> None:
        query = parse_qs(self.scope["query_string"].decode())
        if "token" in query or not await self.may_watch():
            await self.close(FORBIDDEN)
            return
        self._hints: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=MOST_HINTS)
        self._listening = asyncio.Event()
        hearing = asyncio.create_task(self._hear())
        self._tasks = (hearing,)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._listening.wait(), JOIN_SECONDS)
        await self.accept()
        self._tasks = (
            hearing,
            asyncio.create_task(self._keep_checking()),
            asyncio.create_task(self._speak()),
        )

    async def may_watch(self) -> bool:
        raise NotImplementedError

    async def stream(self) -> None:
        raise NotImplementedError

    async def say(self, **message: Any) -> None:
        await self.send(json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    async def next_hint(self) -> dict[str, Any] | None:
        """The next hint; None when it is time to look at the table again."""
        calm = self._listening.is_set() and await _layer_answers()
        try:
            return await asyncio.wait_for(
                self._hints.get(), CALM_POLL_SECONDS if calm else ALARM_POLL_SECONDS
            )
        except TimeoutError:
            return None

    async def _hear(self) -> None:
        """Join the group, then collect its hints; a full queue forgets them, for the table has them all."""
        layer = get_channel_layer()
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(self.group, channel)
                self._listening.set()
                await self._collect(layer, channel)
            except Exception:  # the broker is away: try again, the table is read meanwhile
                self._listening.clear()
                await asyncio.sleep(ALARM_POLL_SECONDS)

    async def _collect(self, layer: Any, channel: str) -> None:
        try:
            while True:
                hint = await layer.receive(channel)
                with contextlib.suppress(asyncio.QueueFull):
                    self._hints.put_nowait(hint)
        finally:
            with contextlib.suppress(Exception):
                await layer.group_discard(self.group, channel)

    async def _speak(self) -> None:
        """The stream; a fault of it closes the socket, and the page comes back for the rest."""
        try:
            await self.stream()
        except Exception:
            log.exception("a live page's stream broke")
            await self.close(BROKEN)

    async def _keep_checking(self) -> None:
        """A right that cannot be checked is none: the socket closes, and the page comes back to ask again."""
        verdict = FORBIDDEN
        try:
            await asyncio.sleep(RECHECK_SECONDS)
            while await self.may_watch():
                await asyncio.sleep(RECHECK_SECONDS)
        except Exception:
            log.exception("a live page's right cannot be checked")
            verdict = BROKEN
        await self.close(verdict)

    async def _user(self) -> Any:
        """Whom the session names now; None once it ended, or its user is gone, switched off or has a new password."""
        store = import_module(settings.SESSION_ENGINE).SessionStore
        user = await get_user({"session": store(self.scope["session"].session_key)})
        return user if user.is_authenticated else None


class RunConsumer(_Viewer):
    """`/ws/runs/<run id>?after=<seq>`: every line after `seq`, every change of state, `end` when all is said."""

    async def may_watch(self) -> bool:
        user = await self._user()
        if user is None:
            return False
        shown = self.scope["url_route"]["kwargs"]["run_id"]
        self.run = await database_sync_to_async(
            lambda: Run.objects.visible_to(user).shown_as(shown).first()
        )()
        if self.run:
            self.group = names.run_group(self.run.pk)
        return self.run is not None

    async def stream(self) -> None:
        self.last = self._after()
        told: tuple[str, bool] | None = None
        while True:
            await self._catch_up()
            run = await Run.objects.only("state", "cancel_requested_at").aget(pk=self.run.pk)
            if (run.state, run.canceling) != told:
                told = (run.state, run.canceling)
                await self.say(t="state", run=_facts(run))
            if run.state in FINAL:
                await self._catch_up()
                await self.say(t="end")
                await self.close()
                return
            await self._follow()

    async def _follow(self) -> None:
        """Pass on batches that continue what was sent; return on anything that needs the table."""
        while hint := await self.next_hint():
            if hint["type"] != "lines":
                return await self._tell_change(hint)
            if hint["to"] <= self.last:
                continue
            if hint["from"] != self.last + 1:
                return None
            await self._send_lines(hint["lines"])
        return None

    async def _tell_change(self, hint: dict[str, Any]) -> None:
        if hint["state"] not in FINAL:
            run = await Run.objects.only("state", "cancel_requested_at").aget(pk=self.run.pk)
            await self.say(t="state", run=_facts(run))

    async def _catch_up(self) -> None:
        while page := await database_sync_to_async(self._stored)():
            await self._send_lines(page)

    def _stored(self) -> list[list[Any]]:
        return logs.rows(logs.read(self.run, after=self.last, limit=PAGE).lines)

    async def _send_lines(self, rows: list[list[Any]]) -> None:
        await self.say(t="lines", **{"from": rows[0][0], "to": rows[-1][0]}, lines=rows)
        self.last = rows[-1][0]

    def _after(self) -> int:
        raw = parse_qs(self.scope["query_string"].decode()).get("after", ["0"])[-1]
        return int(raw) if raw.isdecimal() and len(raw) < 19 else 0


class FeedConsumer(_Viewer):
    """`/ws/feed`: one fact for each change of a run the user may see; pages fetch what they show."""

    group = names.FEED_GROUP

    async def may_watch(self) -> bool:
        user = await self._user()
        if user is not None:
            self.permissions = await sync_to_async(permissions_of)(user)
        return user is not None

    async def stream(self) -> None:
        while True:
            hint = await self.next_hint()
            if hint and self.permissions.may("view", hint["job"]):
                await self.say(t="run", id=run_ids.show(hint["run"]), job=hint["job"], state=hint["state"])


def _facts(run: Run) -> dict[str, Any]:
    return {"run_id": run.run_id, "state": run.state, "canceling": run.canceling}


_pulse: tuple[float, bool] = (0.0, False)


async def _layer_answers() -> bool:
    """Does the broker answer? Asked once a second for all sockets of this process."""
    global _pulse
    if time.monotonic() - _pulse[0] > 1:
        _pulse = (time.monotonic(), _pulse[1])
        layer: dict[str, Any] = settings.CHANNEL_LAYERS["default"]
        address = layer["CONFIG"]["hosts"][0]
        try:
            async with Redis.from_url(address, socket_timeout=0.5, socket_connect_timeout=0.5) as client:
                alive = bool(await client.ping())
        except Exception:  # any trouble means: read the table
            alive = False
        _pulse = (time.monotonic(), alive)
    return _pulse[1]
