"""Where outgoing HTTP may go, and the one session that keeps to it.

A name is resolved once, each of its addresses is judged, and the connection goes to the judged address while
Host header, TLS name and certificate check keep the name: an answer that changes between check and use (DNS
rebinding) has no effect.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError

from nomaflow.types import StepFailed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_PORTS = {"http": 80, "https": 443}
_NAT64 = tuple(ipaddress.IPv6Network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48"))
_NEVER_METADATA = {
    ipaddress.ip_address(address)
    for address in (
        "169.254.169.254",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
}
_INTRANET = tuple(
    ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)


@dataclass(frozen=True)
class OutboundPolicy:
    """What an installation lets its steps reach."""

    allow: frozenset[str] = frozenset()
    """`host` or `host:port`, lower case, let through whatever their address."""
    public_only: bool = False
    own: frozenset[tuple[str, int]] = frozenset()
    """(address, port) of Nomaflow's own servers."""

    @classmethod
    def of(cls, *, allow: Iterable[str], networks: str, servers: Iterable[str]) -> OutboundPolicy:
        """`networks` is `private` or `public`; `servers` are URLs of Nomaflow's own servers."""
        return cls(
            allow=frozenset(entry.lower() for entry in allow),
            public_only=networks == "public",
            own=frozenset(pair for url in servers for pair in _endpoints(url)),
        )

    def allows_name(self, host: str, port: int) -> bool:
        bracketed = f"[{host}]" if ":" in host else host
        return bool({host, bracketed, f"{bracketed}:{port}"} & self.allow)

    def refusal(self, address: Address, port: int) -> str | None:
        """Why this address may not be reached, or None."""
        inner = embedded(address)
        if inner is not None:
            return self.refusal(inner, port)
        if (str(address), port) in self.own:
            return "one of Nomaflow's own servers"
        if address in _NEVER_METADATA:
            return "a cloud metadata address"
        if address.is_loopback or address.is_unspecified:
            return "this machine itself"
        if address.is_link_local:
            return "a link-local address"
        if address.is_multicast or address.is_reserved:
            return "not an address of a host"
        if any(address in net for net in _INTRANET if net.version == address.version):
            return "a private address" if self.public_only else None
        return None if address.is_global else "not a public address"


def embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped, compatible, NAT64, 6to4, Teredo."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if any(address in net for net in _NAT64) or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _endpoints(url: str) -> set[tuple[str, int]]:
    parts = urlsplit(url)
    try:
        port = parts.port or {"postgresql": 5432, "redis": 6379}.get(parts.scheme.split("+")[0], 0)
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM) if parts.hostname else []
    except (OSError, ValueError):
        return set()
    return {(str(item[4][0]), port) for item in found}


@dataclass(frozen=True)
class Destination:
    """One judged address."""

    host: str
    port: int
    addresses: tuple[str, ...]


def destination(url: str, policy: OutboundPolicy) -> Destination:
    """Resolve and judge; raises `StepFailed` that names the host and says why."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise StepFailed(f"{url!r} is not a URL", retry=False) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise StepFailed("the URL must start with http:// or https:// and name a host", retry=False)
    if parts.username is not None or parts.password is not None:
        raise StepFailed("the URL may not hold a user or password: use a header", retry=False)
    if any(ord(char) <= 32 or char == "\\" or ord(char) == 127 for char in url):
        raise StepFailed("the URL holds a space, a backslash or a control character", retry=False)
    host, port = parts.hostname.rstrip("."), port or _PORTS[parts.scheme]
    found = _resolve(host, port)
    if not policy.allows_name(host, port):
        for address in found:
            why = policy.refusal(address, port)
            if why:
                raise StepFailed(
                    f"{host}:{port} may not be reached: it is {why}; an administrator can allow it with "
                    "NOMAFLOW_HTTP_ALLOW", retry=False,
                )  # fmt: skip
    return Destination(host, port, tuple(str(address) for address in found))


def _resolve(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise StepFailed(f"the host {host!r} cannot be resolved", kind="connection") from None
    # A scope (fe80::1%eth0) belongs to the interface, not to the address that is judged.
    return list(dict.fromkeys(ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found))


class PinnedAdapter(HTTPAdapter):
    """Connects to the judged addresses only, under the name of the URL."""

    def __init__(self, target: Destination, *, on_socket: Callable[[Any], None]) -> None:
        self._target = target
        self._on_socket = on_socket
        super().__init__(max_retries=0)

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        pool: Any = super().get_connection_with_tls_context(request, verify, proxies, cert)
        pool.ConnectionCls = _pinned(pool.ConnectionCls, self._target.addresses, self._on_socket)
        return pool


def _pinned(base: type[Any], addresses: tuple[str, ...], on_socket: Callable[[Any], None]) -> type[Any]:
    """A connection class that never resolves, and tells of its socket before the TLS handshake so that a stop
    can shut it at once."""

    class Connection(base):
        def _new_conn(self) -> Any:
            found = self._first()
            if found.getpeername()[0].partition("%")[0] not in addresses:
                found.close()
                raise OSError("connected to an address that was not judged")
            on_socket(found)
            return found

        def _first(self) -> Any:
            for address in addresses[:-1]:
                self._dns_host = address
                try:
                    return super()._new_conn()
                except NewConnectionError:
                    continue
            self._dns_host = addresses[-1]
            return super()._new_conn()

    return Connection


def session(target: Destination, *, on_socket: Callable[[Any], None]) -> requests.Session:
    """A session for one request: no proxy or netrc of the environment, no redirects, no cookies to leak."""
    made = requests.Session()
    made.trust_env = False
    for scheme in ("http://", "https://"):
        made.mount(scheme, PinnedAdapter(target, on_socket=on_socket))
    return made


def headers(values: Mapping[str, Any]) -> dict[str, str]:
    """Header values as text; a line break in one is refused."""
    found = {str(name): str(value) for name, value in values.items()}
    for name, value in found.items():
        if any(char in name + value for char in "\r\n\0") or not name.strip():
            raise StepFailed(f"the header {name!r} holds a line break", retry=False)
        if name.lower() == "host":
            raise StepFailed("the Host header follows the URL and cannot be set", retry=False)
    return found
