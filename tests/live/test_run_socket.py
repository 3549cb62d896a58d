"""A run's socket with a real client, a real server and a real broker."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import connections
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from jobs_app.masking import Masker
from jobs_app.models import PermissionRule
from runs_app import lifecycle
from runs_app.dispatch import dispatch
from runs_app.models import Run
from runs_app.states import RunState
from tests.factories import make_job
from tests.soak import times
from tests.web import Web, session_cookie, web_process
from workers.logsink import LogSink

pytestmark = pytest.mark.django_db(transaction=True)

LINES = 4_000


@pytest.fixture
def running() -> Iterator[tuple[Run, LogSink]]:
    run = dispatch(make_job("streamed"), triggered_by="user:ann")
    claim = lifecycle.claim(run.pk, worker="w")
    assert claim is not None
    sink = LogSink(claim, level=0, limit=10**9, first_seq=1, masker=Masker())
    yield run, sink
    sink.give_up()


@pytest.fixture
def cookie() -> str:
    return session_cookie(get_user_model().objects.create_superuser("root"))


def listen(web: Web, run: Run, cookie: str, *, after: int = 0, **options: object) -> ClientConnection:
    address = f"{web.socket_url}/ws/runs/{run.run_id}?after={after}"
    return connect(address, additional_headers={"Cookie": cookie}, origin=web.url, max_size=None, **options)  # type: ignore[arg-type]


def write(sink: LogSink, count: int = LINES) -> None:
    for number in range(count):
        sink.write(1, f"line {number}")
        if number % 97 == 0:
            time.sleep(0.005)
    sink.flush()


def until_closed(socket: ClientConnection) -> Iterator[str]:
    try:
        while True:
            yield str(socket.recv(timeout=60))
    except ConnectionClosed:
        return


def follow(web: Web, run: Run, cookie: str, *, seed: int | None = None) -> list[int]:
    """Every sequence number a viewer gets until the end, cutting the socket at random when a seed is given."""
    dice, seqs = random.Random(seed), []
    while True:
        with listen(web, run, cookie, after=seqs[-1] if seqs else 0) as socket:
            patience = dice.randint(1, 12) if seed is not None else 10**9
            try:
                while patience > 0:
                    message = json.loads(socket.recv(timeout=60))
                    patience -= 1
                    if message["t"] == "lines":
                        seqs += [line[0] for line in message["lines"]]
                    elif message["t"] == "end":
                        return seqs
            except ConnectionClosed:
                continue


@pytest.mark.parametrize("seed", [None, *range(times(2))])
def test_every_line_arrives_once_and_in_order(
    web: Web, running: tuple[Run, LogSink], cookie: str, seed: int | None
) -> None:
    run, sink = running

    def produce() -> None:
        write(sink)
        lifecycle.finish(sink.claim, RunState.SUCCEEDED)
        connections.close_all()

    producer = threading.Thread(target=produce)
    producer.start()
    assert follow(web, run, cookie, seed=seed) == list(range(1, LINES + 1))
    producer.join()


def test_with_the_broker_dead_the_lines_still_come(running: tuple[Run, LogSink], cookie: str) -> None:
    run, sink = running
    with (
        web_process(NOMAFLOW_BROKER_URL="redis+socket:///nowhere/valkey.sock") as web,
        listen(web, run, cookie) as socket,
    ):
        assert json.loads(socket.recv(timeout=60))["t"] == "state"
        sink.write(1, "told by the table")
        sink.flush()
        assert json.loads(socket.recv(timeout=60))["lines"][0][5] == "told by the table"


def test_a_change_of_state_is_told(web: Web, running: tuple[Run, LogSink], cookie: str) -> None:
    run, _sink = running
    with listen(web, run, cookie) as socket:
        assert json.loads(socket.recv(timeout=60))["run"] == {
            "run_id": run.run_id,
            "state": "RUNNING",
            "canceling": False,
        }
        lifecycle.request_cancel(run, by="user:ann")
        assert json.loads(socket.recv(timeout=60))["run"]["canceling"] is True


@pytest.mark.parametrize("who", ["nobody", "stranger", "inactive"])
def test_who_may_not_watch_is_refused_before_the_socket_opens(
    web: Web, running: tuple[Run, LogSink], who: str
) -> None:
    user = get_user_model().objects.create_user("eve", is_active=who != "inactive")
    with pytest.raises(InvalidStatus) as refused:
        listen(web, running[0], "" if who == "nobody" else session_cookie(user))
    assert refused.value.response.status_code == 403


def test_a_foreign_page_and_a_token_in_the_address_are_refused(
    web: Web, running: tuple[Run, LogSink], cookie: str
) -> None:
    address = f"{web.socket_url}/ws/runs/{running[0].run_id}"
    with pytest.raises(InvalidStatus):
        connect(address, additional_headers={"Cookie": cookie}, origin="http://evil.example")  # type: ignore[arg-type]
    with pytest.raises(InvalidStatus):
        connect(f"{address}?token=abc", additional_headers={"Cookie": cookie}, origin=web.url)  # type: ignore[arg-type]


@pytest.mark.parametrize("lost", ["right", "session", "password"])
def test_a_right_taken_away_closes_the_socket(web: Web, running: tuple[Run, LogSink], lost: str) -> None:
    user = get_user_model().objects.create_user("bob")
    rule = PermissionRule.objects.create(user=user, pattern="job:streamed:view")
    with listen(web, running[0], session_cookie(user)) as socket:
        if lost == "right":
            rule.delete()
        elif lost == "session":
            Session.objects.all().delete()
        else:
            user.set_password("another one of 12")
            user.save()
        assert [json.loads(message)["t"] for message in until_closed(socket)] == ["state"]
        assert socket.close_code == 4403


def test_the_feed_tells_of_visible_jobs_only(web: Web, running: tuple[Run, LogSink]) -> None:
    user = get_user_model().objects.create_user("bob")
    PermissionRule.objects.create(user=user, pattern="job:mine")
    with connect(
        f"{web.socket_url}/ws/feed",
        additional_headers={"Cookie": session_cookie(user)},
        origin=web.url,  # type: ignore[arg-type]
    ) as socket:
        time.sleep(0.3)  # the subscription reaches the broker
        lifecycle.request_cancel(running[0], by="user:ann")
        mine = dispatch(make_job("mine"), triggered_by="cli")
        told = json.loads(socket.recv(timeout=60))
    assert told == {"t": "run", "id": mine.run_id, "job": "mine", "state": "QUEUED"}
