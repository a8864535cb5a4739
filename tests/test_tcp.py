"""Listening on TCP."""

import errno
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Any

import attrs
import pytest
import trio

from trioserve.edge import tcp
from trioserve.edge.addresses import TcpAddress
from trioserve.edge.sockets import Listener
from trioserve.edge.tcp import NOTSENT_LOWAT, TcpOptions, open_tcp

PATIENCE = 10.0  # seconds of the real clock; for a loaded machine


@attrs.define
class Opener:
    """Opens listeners, and closes them with the test."""

    opened: list[Listener] = attrs.field(factory=list)

    async def __call__(
        self, host: str, port: int = 0, options: TcpOptions | None = None
    ) -> list[Listener]:
        with trio.fail_after(PATIENCE):
            listeners = await open_tcp(TcpAddress(host, port), options or TcpOptions())
        self.opened += listeners
        return listeners


@pytest.fixture
async def listen() -> AsyncIterator[Opener]:
    opener = Opener()
    yield opener
    for listener in opener.opened:
        listener.close()
    await trio.lowlevel.checkpoint()  # closing needs Trio, and wakes who waits


async def test_it_listens_and_tells_the_port_it_was_given(listen: Opener) -> None:
    [listener] = await listen("127.0.0.1")

    assert listener.address == f"127.0.0.1:{listener.port}"
    socket.create_connection(("127.0.0.1", listener.port), timeout=PATIENCE).close()


async def test_an_ipv6_address_is_written_in_brackets(listen: Opener) -> None:
    [listener] = await listen("::1")

    assert listener.address == f"[::1]:{listener.port}"


async def test_a_name_with_addresses_of_both_families_has_one_port(
    listen: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_for_names(monkeypatch, ["::1", "127.0.0.1", "127.0.0.1"])

    listeners = await listen("both.example")

    port = listeners[0].port
    assert [each.address for each in listeners] == [f"[::1]:{port}", f"127.0.0.1:{port}"]


async def test_localhost_is_a_name(listen: Opener) -> None:
    listeners = await listen("localhost")

    assert listeners
    assert all(each.is_local for each in listeners)


@pytest.mark.parametrize(
    ("host", "is_local"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("0.0.0.0", False), ("::", False)],
)
async def test_it_knows_whether_only_this_machine_can_come(
    listen: Opener, host: str, is_local: bool
) -> None:
    [listener] = await listen(host)

    assert listener.is_local is is_local


async def test_every_ipv4_and_every_ipv6_address_can_have_the_same_port(listen: Opener) -> None:
    [first] = await listen("::")

    [second] = await listen("0.0.0.0", first.port or 0)

    assert second.port == first.port


async def test_a_port_in_use_is_refused(listen: Opener) -> None:
    [first] = await listen("127.0.0.1")

    with pytest.raises(OSError, match="Address already in use") as caught:
        await listen("127.0.0.1", first.port or 0)

    assert caught.value.errno == errno.EADDRINUSE


async def test_an_address_of_another_machine_is_refused(listen: Opener) -> None:
    with pytest.raises(OSError, match="Cannot assign requested address") as caught:
        await listen("192.0.2.1")

    assert caught.value.errno in tcp.ABSENT


@pytest.mark.parametrize("host", ["a..b", "a" * 64, "ü" * 64])
async def test_what_cannot_be_a_host_name_is_refused(listen: Opener, host: str) -> None:
    with pytest.raises(OSError, match="not the name of a host"):
        await listen(host)


async def test_a_name_that_nobody_knows_is_refused(
    listen: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown(*_: object, **__: object) -> None:
        await trio.lowlevel.checkpoint()
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(trio.socket, "getaddrinfo", unknown)

    with pytest.raises(OSError, match="Name or service not known"):
        await listen("nobody.example")


async def test_an_address_that_the_machine_lacks_is_passed_over(
    listen: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_for_names(monkeypatch, ["192.0.2.1", "127.0.0.1"])

    [listener] = await listen("two.example")

    assert listener.address == f"127.0.0.1:{listener.port}"


async def test_what_was_opened_is_closed_when_the_next_address_fails(
    listen: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    [used] = await listen("127.0.0.2")
    stand_in_for_names(monkeypatch, ["127.0.0.1", "127.0.0.2"])

    with pytest.raises(OSError, match="Address already in use"):
        await listen("two.example", used.port or 0)

    socket.create_server(("127.0.0.1", used.port or 0)).close()


async def test_a_name_without_addresses_is_refused(
    listen: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_for_names(monkeypatch, [])

    with pytest.raises(OSError, match="no address of this machine"):
        await listen("none.example")


SOCKET_OPTIONS = {
    "SO_KEEPALIVE": (socket.SOL_SOCKET, 1),
    "SO_OOBINLINE": (socket.SOL_SOCKET, 1),
    "TCP_NODELAY": (socket.IPPROTO_TCP, 1),
    "TCP_KEEPIDLE": (socket.IPPROTO_TCP, 11),
    "TCP_KEEPINTVL": (socket.IPPROTO_TCP, 12),
    "TCP_KEEPCNT": (socket.IPPROTO_TCP, 13),
    "TCP_USER_TIMEOUT": (socket.IPPROTO_TCP, 14_500),
    "TCP_NOTSENT_LOWAT": (socket.IPPROTO_TCP, NOTSENT_LOWAT),
}


@pytest.mark.parametrize("name", SOCKET_OPTIONS)
async def test_an_accepted_connection_has_the_options(listen: Opener, name: str) -> None:
    if not hasattr(socket, name):
        pytest.skip(f"this system has no {name}")
    level, value = SOCKET_OPTIONS[name]
    options = TcpOptions(
        keepalive_idle=11, keepalive_interval=12, keepalive_count=13, user_timeout=14.5
    )
    [listener] = await listen("127.0.0.1", options=options)

    with socket.create_connection(listener.socket.getsockname(), timeout=PATIENCE):
        listener.socket.settimeout(PATIENCE)
        accepted, _ = listener.socket.accept()
        with accepted:
            found = accepted.getsockopt(level, getattr(socket, name))

    assert found == value


@pytest.mark.parametrize(
    "options",
    [
        TcpOptions(keepalive_idle=32767, keepalive_interval=32767, keepalive_count=127),
        TcpOptions(keepalive_idle=1, keepalive_interval=1, keepalive_count=1),
        TcpOptions(user_timeout=2_000_000.0),
        TcpOptions(user_timeout=0.001),
    ],
)
async def test_what_the_configuration_allows_the_system_takes(
    listen: Opener, options: TcpOptions
) -> None:
    assert await listen("127.0.0.1", options=options)


def stand_in_for_names(monkeypatch: pytest.MonkeyPatch, addresses: Sequence[str]) -> None:
    """Let every name have these addresses."""

    async def getaddrinfo(_: str, port: int, **__: object) -> list[tuple[Any, ...]]:
        await trio.lowlevel.checkpoint()
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    monkeypatch.setattr(trio.socket, "getaddrinfo", getaddrinfo)
