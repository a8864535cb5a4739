"""What is left when the server is killed in mid-traffic, or its disk is full: by real processes."""

import os
import random
import re
import resource
import signal
import time
from pathlib import Path

import attrs
import pytest
import trio

from tests.running import PATIENCE, Running, running
from trioserve.archive import upkeep
from trioserve.archive.database import Database
from trioserve.archive.directory import DATABASE
from trioserve.archive.history import Span, talk
from trioserve.messages import Said

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

KILLS = int(os.environ.get("TRIOSERVE_KILLS", "3"))  # one takes two seconds
TALKERS = 4
SHOWN_BEFORE = 1.0  # seconds before the kill, from which on all that was shown has to be kept
SHOWN = re.compile(rb"<(\w+)> (.*)\r")


@attrs.define(eq=False)
class Witness:
    """What was said, and what of it somebody has seen, and when."""

    sent: dict[str, list[str]] = attrs.field(factory=dict)  # by nick
    seen: list[tuple[float, str, str]] = attrs.field(factory=list)  # when, who, what
    has_seen: trio.Event = attrs.field(factory=trio.Event)

    async def talk(self, nick: str, port: int) -> None:
        """Say one line after the other, each with its number, until the connection breaks."""
        lines = self.sent.setdefault(nick, [])
        try:
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                await stream.send_all(f"{nick}\n".encode())
                while True:
                    lines.append(f"{len(lines)} {'ä' * random.randrange(300)}")
                    await stream.send_all(f"{lines[-1]}\n".encode())
                    with trio.move_on_after(0.005):
                        while await stream.receive_some():
                            pass
                        return
        except (OSError, trio.BrokenResourceError):
            return  # it was killed

    async def watch(self, port: int) -> None:
        """See what is shown, until the connection breaks."""
        try:
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                await stream.send_all(b"witness\n")
                lines = Lines(stream)
                while (line := await lines.next()) is not None:
                    if (shown := SHOWN.search(line)) is not None:
                        who, what = shown[1].decode(), shown[2].decode()
                        self.seen.append((time.monotonic(), who, what))
                        self.has_seen.set()
        except (OSError, trio.BrokenResourceError):
            return


@attrs.define(eq=False)
class Lines:
    """What comes by a connection, line by line."""

    stream: trio.SocketStream
    _waiting: list[bytes] = attrs.field(factory=list)
    _unfinished: bytes = b""

    async def next(self) -> bytes | None:
        """The next line; None at the end."""
        while not self._waiting:
            if not (data := await self.stream.receive_some()):
                return None
            *self._waiting, self._unfinished = (self._unfinished + data).split(b"\n")
        return self._waiting.pop(0)

    async def until(self, text: bytes) -> bytes:
        """The next line that holds this."""
        while (line := await self.next()) is not None:
            if text in line:
                return line
        raise AssertionError(text)


def kept(data: Path) -> list[tuple[str, str]]:
    """Who said what, in the order of the ids, as the next server would find it."""
    database = Database(data / DATABASE)
    found = database.read(talk(Span("#lobby", 1_000_000)))
    database.close()
    return [(each.nick, each.text) for each in found if isinstance(each, Said)]


@pytest.mark.parametrize("seed", range(KILLS))
async def test_what_was_shown_a_second_before_a_kill_is_kept_whole_and_once(
    seed: int, tmp_path: Path
) -> None:
    random.seed(seed)
    config = tmp_path / "chat.toml"
    config.write_text("limits.flood_control = false\n")
    data = tmp_path / "data"
    witness = Witness()
    with running("--config", str(config), "--listen", "127.0.0.1:0", "--data", str(data)) as server:
        port = server.port()
        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(witness.watch, port)
                for number in range(TALKERS):
                    nursery.start_soon(witness.talk, f"talker{number}", port)
                await witness.has_seen.wait()
                await trio.sleep(random.uniform(1.2, 2.0))
                killed = time.monotonic()
                server.process.send_signal(signal.SIGKILL)
        server.wait()

    found = kept(data)
    assert upkeep.check(data / DATABASE) == []
    assert len(set(found)) == len(found), "something is there twice"
    for nick, lines in witness.sent.items():
        texts = [text for who, text in found if who == nick]
        assert texts == lines[: len(texts)], "something is torn, or left out"
    seen = [(who, what) for _, who, what in witness.seen]
    both = set(seen) & set(found)
    assert [each for each in found if each in both] == [each for each in seen if each in both]
    early = [(who, what) for at, who, what in witness.seen if at < killed - SHOWN_BEFORE]
    assert early, "nothing was shown early enough to say anything"
    assert set(early) <= set(found)


def test_a_server_goes_on_where_the_one_before_it_was_killed(tmp_path: Path) -> None:
    def one(text: str, expected: str) -> None:
        with running("--listen", "127.0.0.1:0", "--data", str(tmp_path)) as server:
            shown = converse(server, "ann", text, expected)
            assert expected in shown
            time.sleep(SHOWN_BEFORE)  # on the real clock: it is the promise
            server.process.send_signal(signal.SIGKILL)
            server.wait()

    one("before", "-- topic: Welcome!")
    one("after", "<ann> before")
    one("at last", "<ann> after")


async def test_a_ban_and_a_private_room_outlive_a_kill(tmp_path: Path) -> None:
    arguments = ("--listen", "127.0.0.1:0", "--data", str(tmp_path))
    with running(*arguments) as server, trio.fail_after(PATIENCE):
        async with await trio.open_tcp_stream("127.0.0.1", server.port()) as ann:
            await ann.send_all(b"ann\n/join #dev\n/ban bob 1h flooding\n")
            await ann.send_all(b"/join #den\n/private on\n")
            await Lines(ann).until(b"* ann made #den private")
            await trio.sleep(SHOWN_BEFORE)  # on the real clock: it is the promise
            server.process.send_signal(signal.SIGKILL)
        server.wait()

    with running(*arguments) as server, trio.fail_after(PATIENCE):
        async with await trio.open_tcp_stream("127.0.0.1", server.port()) as bob:
            await bob.send_all(b"bob\n/join #dev\n/join #den\n")
            lines = Lines(bob)
            banned = await lines.until(b"banned")
            await lines.until(b"-- #den is private; /knock #den asks to be let in")
        assert server.stop(signal.SIGTERM) == 0

    assert banned.startswith(b"-- you are banned from #dev until ")
    assert banned.endswith(b" (flooding)\r")


def converse(server: Running, nick: str, text: str, expected: str) -> str:
    """Come in, say something, and return what was shown until `expected` was."""

    async def run() -> str:
        shown = b""
        with trio.move_on_after(PATIENCE):
            async with await trio.open_tcp_stream("127.0.0.1", server.port()) as stream:
                await stream.send_all(f"{nick}\n{text}\n/topic\n".encode())
                while expected.encode() not in shown or b"-- #lobby: Welcome!" not in shown:
                    if not (data := await stream.receive_some()):
                        break
                    shown += data
        return shown.decode()

    return trio.run(run)


# A server that has shown a letter, and stands still before it can note that it was read.
STANDING = """
import sys, time
from trioserve.accounts.letters import Letters
from trioserve.cli import main
Letters.note_read = lambda *_: time.sleep(600)
sys.exit(main())
"""


async def test_what_was_left_for_somebody_outlives_a_kill_before_they_have_read_it(
    tmp_path: Path,
) -> None:
    arguments = ("--listen", "127.0.0.1:0", "--data", str(tmp_path))
    with running(*arguments) as server, trio.fail_after(2 * PATIENCE):
        port = server.port()
        await typing(port, *REGISTER, ("a password", "again: "), ("a password", "is yours"))
        await typing(port, ("bob", "here: "), ("/msg ann hello", "they read that"))
        server.process.send_signal(signal.SIGKILL)
        server.wait()
    for _ in range(2):  # killed again while it is shown: once more rather than never
        with running(*arguments, program=STANDING) as server, trio.fail_after(2 * PATIENCE):
            async with await trio.open_tcp_stream("127.0.0.1", server.port()) as ann:
                await exchanged(ann, *LOGIN, ("a password", "bob -> you: hello"))
                server.process.send_signal(signal.SIGKILL)
                server.wait()
    with running(*arguments) as server, trio.fail_after(2 * PATIENCE):
        await typing(server.port(), *LOGIN, ("a password", "logged in"), ("/topic", "Welcome"))
        shown = await typing(server.port(), *LOGIN, ("a password", "logged in"), ("/topic", "Wel"))
        assert "hello" not in shown
        assert server.stop(signal.SIGTERM) == 0


async def test_an_owner_who_was_there_at_a_kill_is_back_by_the_words_where_they_were(
    tmp_path: Path,
) -> None:
    arguments = ("--listen", "127.0.0.1:0", "--data", str(tmp_path))
    with running(*arguments) as server, trio.fail_after(2 * PATIENCE):
        async with await trio.open_tcp_stream("127.0.0.1", server.port()) as stream:
            await exchanged(stream, *REGISTER, ("a password", "again: "), ("a password", "yours"))
            await exchanged(stream, ("/join #dev", "1 here"), ("/quiet", "is not shown"))
            words = (await exchanged(stream, ("/resume", "\r\n"))).split()[-1]
            kept = ""
            while '"what":"words"' not in kept:  # which takes as long as a password does
                kept = await exchanged(stream, ("/export", "no more is kept"))
            server.process.send_signal(signal.SIGKILL)
            server.wait()
    with running(*arguments) as server, trio.fail_after(2 * PATIENCE):
        await typing(server.port(), ("bob", "here: "), ("/join #dev", "here: "))
        shown = await typing(server.port(), (f"/resume {words}", "you are ann again"))
        assert "-- set as you had it: quiet" in shown
        assert "-- you are ann again, in #dev; you are also in #lobby" in shown
        assert server.stop(signal.SIGTERM) == 0


REGISTER = (("ann", "here: "), ("/register", "New password: "))
LOGIN = (("ann", "here: "), ("/login", "Password of ann: "))


async def typing(port: int, *lines: tuple[str, str]) -> str:
    """Type lines at a connection of one's own, and leave; see `exchanged`."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        shown = await exchanged(stream, *lines)
        await stream.send_eof()
        while await stream.receive_some():  # whose end says that nobody has the name any more
            pass
        return shown


async def exchanged(stream: trio.SocketStream, *lines: tuple[str, str]) -> str:
    """Type lines, each until something is shown; what was, in all."""
    shown = b""
    for line, expected in lines:
        behind = len(shown)
        await stream.send_all(f"{line}\n".encode())
        while expected.encode() not in shown[behind:]:
            data = await stream.receive_some()
            assert data, shown
            shown += data
    return shown.decode()


ENDLESS = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
from trioserve.cli import main
sys.exit(main())
"""


async def test_on_a_full_disk_chat_goes_on_and_everybody_is_told_also_when_there_is_room_again(
    tmp_path: Path,
) -> None:
    config = tmp_path / "chat.toml"
    config.write_text("limits.flood_control = false\n")
    data = tmp_path / "data"
    with running(
        "--config", str(config), "--listen", "127.0.0.1:0", "--data", str(data), program=FULL
    ) as server:
        port = server.port()
        with trio.fail_after(PATIENCE):
            async with (
                await trio.open_tcp_stream("127.0.0.1", port) as ann,
                await trio.open_tcp_stream("127.0.0.1", port) as bob,
            ):
                await ann.send_all(b"ann\n")
                await Lines(ann).until(b"1 here")
                await bob.send_all(b"bob\n")
                lines = Lines(bob)
                await lines.until(b"2 here")
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(fill, ann)
                    told = await lines.until(b"-- history")
                    nursery.cancel_scope.cancel()
                await ann.send_all(b"\nstill here\n")
                await lines.until(b"still here")
                resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, ENDLESS)
                await lines.until(b"-- history is saved again\r")
        assert server.stop(signal.SIGTERM) == 0
    assert kept(data)[-1] == ("ann", "still here")
    assert told == b"-- history is not being saved\r"
    assert upkeep.check(data / DATABASE) == []
    assert any("not kept at present" in line for line in server.log)


# Root may write anywhere, but for what takes that power from it.
UNPRIVILEGED = """
import ctypes, sys
from trioserve.cli import main
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
assert ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)()) == 0
sys.exit(main())
"""


async def fill(stream: trio.SocketStream) -> None:
    """Say long lines, one after the other."""
    while True:
        await stream.send_all(b"x" * 1000 + b"\n")
        await trio.sleep(0.005)


@pytest.mark.parametrize("is_new", [True, False])
def test_where_nothing_can_be_written_the_server_says_so_and_does_not_start(
    is_new: bool, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    if not is_new:
        with running("--listen", "127.0.0.1:0", "--data", str(data)) as server:
            server.port()
            assert server.stop(signal.SIGTERM) == 0
    for each in data.iterdir():
        each.chmod(0o444)
    data.chmod(0o555)

    with running("--listen", "127.0.0.1:0", "--data", str(data), program=UNPRIVILEGED) as server:
        assert server.wait() == 1

    assert server.log == [f"trioserve: cannot keep anything in {data}: Permission denied"]
    data.chmod(0o755)


def test_where_there_is_no_room_at_all_the_server_says_so_and_does_not_start(
    tmp_path: Path,
) -> None:
    program = FULL.replace("400_000", "0")
    with running("--listen", "127.0.0.1:0", "--data", str(tmp_path), program=program) as server:
        assert server.wait() == 1

    # Behind it, what measures which lines the tests run may say that it has no room either.
    told = [line for line in server.log if line.startswith("trioserve")]
    assert told == server.log[:1]
    assert told[0].startswith(f"trioserve: {tmp_path / DATABASE}: ")


def test_what_is_damaged_is_moved_aside_on_ones_word(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"something else entirely" * 1000)
    with running("--listen", "127.0.0.1:0", "--data", str(tmp_path)) as server:
        assert server.wait() == 1

    with running("--repair", "--listen", "127.0.0.1:0", "--data", str(tmp_path)) as server:
        assert re.search(r" is damaged: it is .*\.damaged-.* now", server.line())
        assert "<ann> hello" not in converse(server, "ann", "hello", "here: ann")
        assert server.stop(signal.SIGTERM) == 0
    assert kept(tmp_path) == [("ann", "hello")]
