"""SIGHUP and /rehash: another configuration for a server that runs, or none of it."""

import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from tests.peers import Authority
from tests.running import PATIENCE, Running, read_until, running
from trioserve.configuration.source import Source
from trioserve.edge.arrivals import Arrivals
from trioserve.operating import rereading
from trioserve.operating.rereading import NOTHING, Rereading
from trioserve.testing import Chat

STAYS = "nothing is changed: the old configuration stays"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read without a thread: the clock would jump meanwhile."""

    async def run_sync(function: Callable[[], Any], **_: object) -> Any:
        await trio.lowlevel.checkpoint()
        return function()

    monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)


def of(chat: Chat, path: Path | None) -> Rereading:
    most = chat.server.config.connections.most
    made = Rereading(Source(path), chat.server, Arrivals(), most)
    chat.server.reread = made.reread
    return made


async def test_an_operator_is_told_what_was_taken_and_what_was_not(
    chat: Chat, at_once: None, tmp_path: Path
) -> None:
    path = tmp_path / "chat.toml"
    path.write_text(
        "limits.rate = 3\ntcp.keepalive_count = 2\ntls.handshake = 3\nproxy.header = 2\n"
    )
    made = of(chat, path)
    op = await chat.join("op", operator=True)

    await op.types("/rehash")

    await op.sees("-- taken: limits.rate, tls.handshake, proxy.header")
    await op.sees("-- changed, but needs a restart: tcp.keepalive_count")
    assert chat.server.config.limits.rate == 3
    assert made.arrivals.handshake == 3
    assert made.arrivals.proxy.header == 2


async def test_with_faults_each_is_told_and_nothing_changes(
    chat: Chat, at_once: None, tmp_path: Path
) -> None:
    path = tmp_path / "chat.toml"
    path.write_text('limits.rate = "fast"\nlimits.burst = 3\nrooms.mots = 1\n')
    of(chat, path)
    before = chat.server.config
    op = await chat.join("op", operator=True)

    await op.types("/rehash")

    await op.sees('-- limits.rate: expected a number, got "fast"')
    await op.sees("-- rooms.mots: unknown key; did you mean most?")
    await op.sees(f"-- {STAYS}")
    assert chat.server.config == before


async def test_without_a_file_there_is_nothing_to_read(chat: Chat) -> None:
    of(chat, None)
    op = await chat.join("op", operator=True)

    await op.types("/rehash")

    await op.sees(f"-- {NOTHING}")


async def test_a_file_that_never_comes_does_not_hold_up_anybody(
    chat: Chat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    made = of(chat, path)
    monkeypatch.setattr(rereading, "PATIENCE", 0)
    try:
        assert await made.reread() == [f"{path}: not read within 0 seconds", STAYS]
        assert await made.reread() == [f"{path}: not read within 0 seconds", STAYS]
    finally:
        with suppress(OSError):  # nobody reads: the thread had not begun
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))


async def test_a_crash_while_reading_is_logged_and_changes_nothing(
    chat: Chat,
    at_once: None,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(path: Path) -> None:
        raise RuntimeError(path)

    path = tmp_path / "chat.toml"
    path.touch()
    monkeypatch.setattr("trioserve.configuration.source.examine_file", crash)
    made = of(chat, path)

    assert await made.reread() == [f"{path}: an error of the server's, which is logged", STAYS]

    assert "reading the configuration crashed" in caplog.messages


async def test_a_limit_that_was_fitted_to_the_open_files_has_not_changed(
    chat: Chat, at_once: None, tmp_path: Path
) -> None:
    path = tmp_path / "chat.toml"
    path.write_text("connections.most = 20_000\n")
    made = Rereading(Source(path), chat.server, Arrivals(), asked=20_000)

    assert await made.reread() == ["no key has changed"]


async def test_nothing_is_taken_by_a_server_that_stops(
    chat: Chat, at_once: None, tmp_path: Path
) -> None:
    path = tmp_path / "chat.toml"
    path.write_text("limits.rate = 3\n")
    made = of(chat, path)
    chat.server.stop()

    assert await made.reread() == ["the server is stopping: nothing is changed"]


# ------------------------------------------------------------- as a process


@attrs.frozen
class Site:
    """A server with a certificate, a plain address, and one for operators."""

    process: Running
    folder: Path
    authority: Authority
    port: int

    def connect(self, stack: ExitStack) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        context = self.authority.client_context()
        return stack.enter_context(context.wrap_socket(plain, server_hostname="localhost"))

    def hang_up(self, expected: str) -> None:
        """Send SIGHUP, and wait until the log says this."""
        seen = len(self.process.log)
        self.process.process.send_signal(signal.SIGHUP)
        self.process.logs(expected, behind=seen)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    authority = Authority()
    chain, key = authority.write(tmp_path)
    (tmp_path / "chat.toml").write_text(
        f'listen = ["tls:127.0.0.1:0", {{ address = "unix:{tmp_path}/op", operator = true }}]\n'
        f'tls = {{ certificate = "{chain}", key = "{key}" }}\n'
    )
    with running("--config", str(tmp_path / "chat.toml")) as process:
        yield Site(process, tmp_path, authority, process.port())


ANEW = "the certificate is read anew, for connections to come"


@pytest.mark.e2e
@pytest.mark.slow
def test_new_connections_see_a_new_certificate_and_old_ones_go_on(site: Site) -> None:
    with ExitStack() as stack:
        ann = site.connect(stack)
        ann.sendall(b"ann\n")
        read_until(ann, b"-- #lobby: ")
        old = ann.getpeercert(binary_form=True)

        site.authority.write(site.folder)
        site.hang_up(ANEW)

        bob = site.connect(stack)
        new = bob.getpeercert(binary_form=True)
        assert new != old
        bob.sendall(b"bob\nhello\n")
        read_until(ann, b"<bob> hello")

        (site.folder / "server.key").write_text("junk")
        site.hang_up(STAYS)

        assert site.connect(stack).getpeercert(binary_form=True) == new
        assert any("no private key in PEM format" in line for line in site.process.log)
    assert site.process.stop(signal.SIGTERM) == 0


@pytest.mark.e2e
@pytest.mark.slow
def test_an_operator_reads_it_anew_by_the_unix_socket(site: Site) -> None:
    with socket.socket(socket.AF_UNIX) as op:
        op.settimeout(PATIENCE)
        op.connect(str(site.folder / "op"))
        with (site.folder / "chat.toml").open("a") as file:
            file.write("[rooms]\nper_member = 5\n")

        op.sendall(b"op\n/rehash\n")
        told = read_until(op, ANEW.encode())

    assert b"-- taken: rooms.per_member\r\n" in told


@pytest.mark.e2e
@pytest.mark.slow
def test_no_number_of_hang_ups_ends_it_nor_keeps_it_from_ending(site: Site) -> None:
    for _ in range(20):
        site.process.process.send_signal(signal.SIGHUP)
    site.hang_up("no key has changed")
    site.process.process.send_signal(signal.SIGTERM)
    while site.process.process.poll() is None:
        site.process.process.send_signal(signal.SIGHUP)
        time.sleep(0.005)

    assert site.process.wait() == 0
