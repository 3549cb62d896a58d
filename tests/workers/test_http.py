"""The `http` step against a real server, and where it refuses to go."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from nomaflow.extending import InvalidConfig
from nomaflow.types import StepCancelled, StepFailed
from tests.executions import SimpleExecution
from workers import attempt
from workers.executors import http
from workers.executors.http import PREVIEW_BYTES, Http
from workers.outbound import OutboundPolicy, destination

REFUSED = [
    "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0", "0.0.0.0", "[::1]", "[::]", "localhost",
    "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[::ffff:169.254.169.254]", "169.254.169.254", "169.254.1.1",
    "[fe80::1]", "[fd00:ec2::254]", "100.100.100.200", "168.63.129.16", "100.64.0.1", "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::7f00:1]", "[2002:a9fe:a9fe::]", "[2002:7f00:1::]", "224.0.0.1", "[ff02::1]", "255.255.255.255",
    "240.0.0.1", "192.0.2.1", "[2001:db8::1]", "[2001:0:7f00:1:0:0:80ff:fffe]",
]  # fmt: skip
INTRANET = ["10.1.2.3", "172.16.0.1", "192.168.1.1", "[fd12::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a01:203]"]
PUBLIC = ["93.184.216.34", "[2606:2800:220:1::1]"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        seen = {
            "method": self.command, "headers": dict(self.headers), "body": self.rfile.read(length).decode(),
        }  # fmt: skip
        self.server.seen.append(seen)  # type: ignore[attr-defined]
        name = self.path.strip("/")
        if name == "hang":
            self.server.hanging.set()  # type: ignore[attr-defined]
            self.server.release.wait(60)  # type: ignore[attr-defined]
            return
        status = int(name) if name.isdigit() else 200
        body = b"\xff\0" + b"x" * (200_000 if name == "big" else 3)
        if name == "echo":
            body = json.dumps(seen).encode()
        self.send_response(status)
        self.send_header("Location", "http://169.254.169.254/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        """The test's output stays readable."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[dict[str, Any]] = []
        self.hanging, self.release = threading.Event(), threading.Event()

    def handle_error(self, *_: Any) -> None:
        """A client that went away is what these tests are about."""


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    with Server() as running:
        settings.NOMAFLOW_HTTP_ALLOW = [f"127.0.0.1:{running.server_port}", "named.test"]
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.release.set()
        running.shutdown()
        thread.join()


def call(server: Server, path: str, *, ctx: SimpleExecution | None = None, **config: Any) -> dict[str, Any]:
    step = Http()
    url = f"http://127.0.0.1:{server.server_port}/{path}"
    return step.run(ctx or SimpleExecution(), step.clean({"url": url, **config}))


def test_method_headers_and_json_body(server: Server) -> None:
    output = call(server, "echo", method="POST", headers={"X-Key": "k"}, body={"a": [1, "é"]})
    seen = json.loads(output["body_preview"])
    assert output["status"] == 200
    assert isinstance(output["elapsed_ms"], int)
    assert (seen["method"], seen["headers"]["X-Key"]) == ("POST", "k")
    assert seen["headers"]["Content-Type"] == "application/json"
    assert json.loads(seen["body"]) == {"a": [1, "é"]}
    assert call(server, "echo", method="PUT", body="plain")["status"] == 200
    assert server.seen[-1]["body"] == "plain"


def test_the_preview_is_cut_and_says_so(server: Server) -> None:
    output = call(server, "big")
    assert (len(output["body_preview"]), output["truncated"]) == (PREVIEW_BYTES, True)
    small = call(server, "ok")
    assert (small["body_preview"], "truncated" in small) == ("\ufffd\ufffdxxx", False)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, "http_4xx"),
        (401, "http_4xx"),
        (408, "http_429"),
        (425, "http_429"),
        (429, "http_429"),
        (503, "http_5xx"),
    ],
)
def test_an_error_status_fails_with_its_kind(server: Server, status: int, kind: str) -> None:
    with pytest.raises(StepFailed, match=f"answered {status}") as caught:
        call(server, str(status))
    assert caught.value.kind == kind


def test_a_redirect_is_not_followed(server: Server) -> None:
    with pytest.raises(StepFailed, match="redirects are not followed"):
        call(server, "302")
    assert len(server.seen) == 1


def test_the_environment_s_proxy_and_netrc_are_ignored(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    for name, value in (
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("ALL_PROXY", "http://127.0.0.1:1"),
        ("NETRC", str(netrc)),
    ):
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.lower(), value)
    seen = json.loads(call(server, "echo")["body_preview"])
    assert "Authorization" not in seen["headers"]


def test_the_name_is_resolved_once_and_the_connection_goes_there(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host != "named.test":
            return real(host, *args, **kwargs)
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "127.0.0.9", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    step = Http()
    config = step.clean({"url": f"http://named.test:{server.server_port}/echo"})
    seen = json.loads(step.run(SimpleExecution(), config)["body_preview"])
    assert seen["headers"]["Host"] == f"named.test:{server.server_port}"
    assert asked == ["named.test"]


def test_a_cancel_closes_the_connection(server: Server) -> None:
    ctx = SimpleExecution()
    caught: list[BaseException] = []

    def run() -> None:
        try:
            call(server, "hang", ctx=ctx)
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert server.hanging.wait(30)
    started = time.monotonic()
    ctx.cancel()
    thread.join(30)
    assert isinstance(caught[0], StepCancelled)
    assert time.monotonic() - started < 20


def test_a_cancel_closes_a_connection_that_speaks_tls(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server accepts and then says nothing, so that the client waits in its handshake."""
    monkeypatch.setattr(http, "_CONNECT_SECONDS", 300)
    ctx, caught = SimpleExecution(), []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings.NOMAFLOW_HTTP_ALLOW = [f"127.0.0.1:{port}"]

        def run() -> None:
            step = Http()
            try:
                step.run(ctx, step.clean({"url": f"https://127.0.0.1:{port}/", "timeout": 300}))
            except BaseException as error:
                caught.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        client = silent.accept()[0]
        assert client.recv(1), "the handshake has begun"
        ctx.cancel()
        thread.join(30)
        client.close()
    assert [type(error) for error in caught] == [StepCancelled]


def test_what_the_record_keeps_of_a_failure_has_no_query(settings: Any) -> None:
    settings.NOMAFLOW_HTTP_ALLOW = ["127.0.0.1"]
    step = Http()
    with pytest.raises(StepFailed) as caught:
        step.run(SimpleExecution(), step.clean({"url": "http://127.0.0.1:1/status?key=canary"}))
    ending = attempt.failure(caught.value, str).ending
    assert "refused" in ending.error_message
    assert "canary" not in ending.error_message + ending.traceback


def test_a_silent_server_times_out(server: Server) -> None:
    with pytest.raises(StepFailed, match="did not answer within 1 s") as caught:
        call(server, "hang", timeout=1)
    assert caught.value.kind == "timeout"


def test_a_refused_connection_and_an_unknown_name(settings: Any) -> None:
    settings.NOMAFLOW_HTTP_ALLOW = ["127.0.0.1"]
    step = Http()
    for url, message in (
        ("http://127.0.0.1:1/", "refused"),
        ("http://no-such-host.invalid/", "cannot be resolved"),
    ):
        with pytest.raises(StepFailed, match=message) as caught:
            step.run(SimpleExecution(), step.clean({"url": url}))
        assert caught.value.kind == "connection"


@pytest.mark.parametrize("host", REFUSED)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_refused_addresses(host: str, scheme: str) -> None:
    with pytest.raises(StepFailed, match="may not be reached"):
        destination(f"{scheme}://{host}/latest", OutboundPolicy())


@pytest.mark.parametrize("host", INTRANET)
def test_the_intranet_is_reached_unless_tightened(host: str) -> None:
    assert destination(f"http://{host}/", OutboundPolicy()).addresses
    with pytest.raises(StepFailed, match="a private address"):
        destination(f"http://{host}/", OutboundPolicy(public_only=True))


@pytest.mark.parametrize("host", PUBLIC)
def test_public_addresses(host: str) -> None:
    address = host.strip("[]")
    assert destination(f"https://{host}/", OutboundPolicy(public_only=True)).addresses == (
        str(ipaddress.ip_address(address)),
    )


def test_own_servers_and_what_an_administrator_allows() -> None:
    policy = OutboundPolicy.of(
        allow=["LOCALHOST:8080", "[::1]"], networks="private",
        servers=["redis://:pw@10.0.0.5:6380/1", "postgresql://10.0.0.6/x", "unix:///x"],
    )  # fmt: skip
    for own in ("http://10.0.0.5:6380", "http://10.0.0.6:5432", "http://[::ffff:10.0.0.5]:6380"):
        with pytest.raises(StepFailed, match="Nomaflow's own"):
            destination(own, policy)
    assert destination("http://10.0.0.5:80", policy).addresses
    assert destination("http://localhost:8080", policy).addresses
    assert destination("http://[::1]:99", policy).addresses
    with pytest.raises(StepFailed, match="may not be reached"):
        destination("http://localhost:8081", policy)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "gopher://x", "ftp://x", "http://", "//x", "http://[::1", "http://x:99999", "x"],
)
def test_only_http_urls(url: str) -> None:
    with pytest.raises(InvalidConfig):
        Http().clean({"url": url})
    with pytest.raises(StepFailed):
        destination(url, OutboundPolicy())


@pytest.mark.parametrize(
    "url", ["http://u:p@10.0.0.1/", "http://10.0.0.1/\r\nX: 1", "http://10.0.0.1\\@x/", "http://10.0.0.1/ x"]
)
def test_urls_that_two_parsers_read_differently(url: str) -> None:
    with pytest.raises(StepFailed):
        destination(url, OutboundPolicy())


@pytest.mark.parametrize("headers", [{"X": "a\r\nY: b"}, {"X\n": "a"}, {"": "a"}, {"hOST": "x"}])
def test_headers_cannot_smuggle(server: Server, headers: dict[str, str]) -> None:
    with pytest.raises(StepFailed, match="eader"):
        call(server, "ok", headers=headers)
    assert server.seen == []
