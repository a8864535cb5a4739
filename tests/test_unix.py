"""Listening on a unix socket."""

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trioserve.edge.addresses import UnixAddress
from trioserve.edge.sockets import Listener
from trioserve.edge.unix import open_unix
from trioserve.transport import Transport

PATIENCE = 10.0  # seconds of the real clock; for a loaded machine


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A short path: a unix socket's has about 100 bytes."""
    monkeypatch.chdir(tmp_path)
    return Path("chat")


async def listen(path: Path) -> Listener:
    await trio.lowlevel.checkpoint()  # opening needs no Trio, but closing does
    return open_unix(UnixAddress(str(path)))


def exists(path: Path) -> bool:
    return path.exists()


def remove(path: Path) -> None:
    path.unlink()


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def leave_stale(path: Path) -> None:
    """Leave what a server that was killed leaves."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


async def test_it_listens_on_the_path(path: Path) -> None:
    listener = await listen(path)

    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))

    assert (listener.address, listener.is_local, listener.port) == ("unix:chat", True, None)
    listener.close()


async def test_a_peer_is_called_unix_and_a_number_and_has_no_address(path: Path) -> None:
    listener = await listen(path)
    admitted: list[Transport] = []

    with socket.socket(socket.AF_UNIX) as peer, trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.serve, admitted.append)
            peer.connect(str(path))
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    assert admitted[0].peer.startswith("unix:")  # and a number, to tell them apart
    assert admitted[0].host is None
    admitted[0].close()


async def test_the_file_goes_when_the_listener_is_closed(path: Path) -> None:
    listener = await listen(path)

    listener.close()

    assert not exists(path)


async def test_a_stale_socket_is_taken_over(path: Path) -> None:
    leave_stale(path)

    listener = await listen(path)

    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))
    listener.close()


async def test_a_live_socket_is_refused_and_lives_on(path: Path) -> None:
    first = await listen(path)

    with pytest.raises(OSError, match="a server answers there already") as caught:
        await listen(path)

    assert caught.value.errno == errno.EADDRINUSE
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))
    first.close()


async def test_a_live_socket_whose_backlog_is_full_is_refused(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))

        with pytest.raises(OSError, match="a server answers there already"):
            await listen(path)

    assert exists(path)


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, make_fifo])
async def test_what_is_no_socket_is_refused_and_stays(
    path: Path, make: Callable[[Path], None]
) -> None:
    make(path)

    with pytest.raises(FileExistsError, match="there is a file that is no socket"):
        await listen(path)

    assert exists(path)


async def test_a_datagram_socket_is_refused(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))

        with pytest.raises(OSError, match="Protocol wrong type for socket"):
            await listen(path)

    assert exists(path)


async def test_somebody_elses_file_stays_when_the_listener_is_closed(path: Path) -> None:
    listener = await listen(path)
    remove(path)
    newer = await listen(path)

    listener.close()

    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))
    newer.close()


async def test_a_file_that_has_gone_is_not_missed(path: Path) -> None:
    listener = await listen(path)
    remove(path)

    listener.close()

    assert listener.socket.fileno() == -1


async def test_a_file_that_cannot_be_removed_does_not_stop_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = await listen(path)

    def forbidden(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "unlink", forbidden)

    listener.close()

    assert listener.socket.fileno() == -1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * 120, "AF_UNIX path too long"),
        ("x" * 300, "File name too long"),
        ("missing/chat", "No such file or directory"),
        ("file/chat", "Not a directory"),
    ],
)
async def test_a_path_that_cannot_be_is_refused(path: Path, text: str, reason: str) -> None:
    path.with_name("file").touch()

    with pytest.raises(OSError, match=reason):
        await listen(Path(text))
