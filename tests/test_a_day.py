"""A day of a server's, as its operator and the people on it see it: one process, real sockets."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest

from tests.parents import come_to, ended, started
from tests.peers import Authority
from tests.running import PATIENCE
from trioserve.accounts.passwords import hash_password

PASSWORD = "correct horse"
DRAIN = 0.5  # seconds for people to take what waits for them at the end
TOTAL = 8.0  # seconds in which the process ends, come what may

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@attrs.define(eq=False)
class Person:
    """Somebody with nc: sends lines, reads what comes."""

    socket: socket.socket
    _seen: bytes = attrs.field(default=b"", init=False)

    def says(self, *lines: str) -> None:
        self.socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def sees(self, text: str) -> str:
        """Read until this has come; return what came before it, and it."""
        while text.encode() not in self._seen:
            data = self.socket.recv(65536)
            assert data, self._seen
            self._seen += data
        before, found, self._seen = self._seen.partition(text.encode())
        return (before + found).decode()

    def sees_the_end(self) -> str:
        while data := self.socket.recv(65536):
            self._seen += data
        return self._seen.decode()


@attrs.frozen(eq=False)
class Site:
    """The machine that the server runs on: files, and sockets that outlive it."""

    folder: Path
    authority: Authority
    chat: socket.socket
    tls: socket.socket
    systemd: socket.socket  # on which it hears of its services
    people: ExitStack
    hashed: str = attrs.field(factory=lambda: hash_password(PASSWORD))

    def configure(self, more: str = "") -> None:
        (self.folder / "chat.toml").write_text(
            f'operators = {{ ann = "{self.hashed}" }}\n'
            f'tls.certificate = "{self.folder}/server.pem"\n'
            f'tls.key = "{self.folder}/server.key"\n'
            f"shutdown = {{ drain = {DRAIN}, total = {TOTAL} }}\n"
            "limits = { flood_control = false }\n"
            "outbox = { soft = 4_000_000, hard = 8_000_000 }\n" + more
        )

    def start(self) -> "subprocess.Popen[str]":
        """Start a server as systemd does, and wait until it is ready."""
        process = self.people.enter_context(
            started(
                self.chat,
                self.tls,
                names="chat:tls",
                options=(
                    *("--config", str(self.folder / "chat.toml")),
                    *("--metrics", f"unix:{self.folder}/metrics"),
                ),
                NOTIFY_SOCKET=self.systemd.getsockname(),
            )
        )
        assert self.told() == "READY=1"
        return process

    def told(self) -> str:
        """What systemd hears next."""
        return self.systemd.recv(1000).decode()

    def hang_up(self, process: "subprocess.Popen[str]") -> None:
        """Have the configuration read anew, and wait until it is."""
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        process.send_signal(signal.SIGHUP)
        reloading, _, since = self.told().partition("\nMONOTONIC_USEC=")
        assert reloading == "RELOADING=1"
        assert int(since) >= before
        assert self.told() == "READY=1"

    def come(self, nick: str, *, receive_buffer: int = 0) -> Person:
        connection = self.people.enter_context(socket.socket())
        connection.settimeout(PATIENCE)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.connect(self.chat.getsockname())
        return self._named(connection, nick)

    def come_by_tls(self, nick: str) -> tuple[Person, bytes | None]:
        """Come by TLS; return also the certificate that was shown."""
        connection = self.people.enter_context(
            self.authority.client_context().wrap_socket(
                come_to(self.tls), server_hostname="localhost"
            )
        )
        return self._named(connection, nick), connection.getpeercert(binary_form=True)

    @staticmethod
    def _named(connection: socket.socket, nick: str) -> Person:
        person = Person(connection)
        person.says(nick)
        person.sees(f"{nick}\r\n-- topic: ")
        return person

    def page(self, path: str) -> str:
        """What the port for figures answers."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(PATIENCE)
            asking.connect(str(self.folder / "metrics"))
            asking.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            return b"".join(iter(lambda: asking.recv(65536), b"")).decode()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    authority = Authority()
    authority.write(tmp_path)
    with (
        ExitStack() as people,
        socket.create_server(("127.0.0.1", 0)) as chat,
        socket.create_server(("127.0.0.1", 0)) as tls,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
    ):
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE)
        site = Site(tmp_path, authority, chat, tls, systemd, people)
        site.configure()
        yield site
        people.close()  # before the sockets, which the servers have, too


def test_a_day_of_a_server(site: Site) -> None:
    server = site.start()

    # The morning: people come, and talk across doors.
    ann, bob = site.come("ann"), site.come("bob")
    carol, first_certificate = site.come_by_tls("carol")
    ann.sees("* carol joined #lobby")
    ann.says("good morning")
    bob.sees("<ann> good morning")
    carol.sees("<ann> good morning")
    carol.says("and from behind TLS")
    ann.sees("<carol> and from behind TLS")

    # Ann becomes an operator; nobody sees the password.
    ann.says("/op")
    ann.sees("Password: ")
    ann.says(PASSWORD)
    ann.sees("you are an operator now")

    # Bob is muted, is told so, and may talk again when that has ended.
    ann.says("/mute bob 1h shouting")
    carol.sees("* bob is muted in #lobby by ann until ")
    bob.sees("-- you are muted in #lobby until ")
    bob.sees("(shouting); you can still read, and talk elsewhere")
    bob.says("WHAT")
    assert PASSWORD not in bob.sees("you are muted in #lobby until ")
    ann.says("/mute bob 1s")
    carol.sees("* bob is muted in #lobby by ann until ")
    time.sleep(1.1)  # the server's clock is the real one
    bob.says("sorry")
    assert "WHAT" not in carol.sees("<bob> sorry")

    # Dave is banned, is told why, and cannot come back into the room.
    dave = site.come("dave")
    ann.says("/ban dave 3d spam")
    carol.sees("* dave is banned from #lobby by ann until ")
    dave.sees(": spam")
    dave.sees("-- you may talk in other rooms; /join a room to talk")
    dave.says("/join #lobby")
    dave.sees("you are banned from #lobby until ")

    # Another configuration: by an operator, and by a signal; one with a fault changes nothing.
    bob.says("/join #dev")
    bob.sees("-- #dev: 1 here: bob")
    site.configure("rooms = { per_member = 2 }\n")
    ann.says("/rehash")
    ann.sees("-- taken: rooms.per_member")
    bob.says("/join #third")
    bob.sees("you are in 2 rooms, the most")
    site.configure("rooms = { per_member = 3, nonsense = 1 }\n")
    site.hang_up(server)
    bob.says("/join #third")
    bob.sees("you are in 2 rooms, the most")
    site.configure("rooms = { per_member = 3 }\n")
    site.hang_up(server)
    bob.says("/join #third")
    bob.sees("-- #third: 1 here: bob")
    bob.says("/join #lobby")

    # Another certificate, for who comes from now on; a bad pair leaves that in place.
    site.authority.write(site.folder)
    site.hang_up(server)
    eve, second_certificate = site.come_by_tls("eve")
    assert second_certificate != first_certificate
    carol.says("still here")
    eve.sees("<carol> still here")
    _, other_key = site.authority.write(site.folder, "other")
    other_key.rename(site.folder / "server.key")
    site.hang_up(server)
    _, third_certificate = site.come_by_tls("fred")
    assert third_certificate == second_certificate

    # The figures.
    assert site.page("/healthz").endswith("\r\n\r\nok\n")
    figures = site.page("/metrics")
    assert "\ntrioserve_people 6.0\n" in figures
    assert "\ntrioserve_rooms 3.0\n" in figures

    # The evening: one does not read, the others are told, and the next server serves who waits.
    site.come("stuck", receive_buffer=4096)
    ann.says(*["x" * 1000] * 1000, "good night")
    for person in bob, carol, eve:
        person.sees("<ann> good night")
    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    assert site.told() == "STOPPING=1"
    for person in ann, bob, carol, dave, eve:
        assert "-- the server is shutting down: goodbye" in person.sees_the_end()
    waiting = Person(site.people.enter_context(come_to(site.chat)))  # and "stuck" is not told yet
    waiting.says("grace")
    code, log = ended(server)
    assert code == 0, log
    assert DRAIN <= time.monotonic() - began < TOTAL
    assert "tls.key: it does not belong to tls.certificate" in log
    assert "rooms.nonsense: unknown key" in log
    assert PASSWORD not in log
    site.authority.write(site.folder)  # or the next would not start
    site.start()
    waiting.sees("-- #lobby: 1 here: grace")


def test_a_pair_that_is_bad_at_the_start_leaves_the_sockets_to_the_next(site: Site) -> None:
    _, other_key = site.authority.write(site.folder, "other")
    other_key.rename(site.folder / "server.key")
    waiting = Person(site.people.enter_context(come_to(site.chat)))
    waiting.says("ann")

    with started(
        site.chat, site.tls, names="chat:tls", options=("--config", f"{site.folder}/chat.toml")
    ) as process:
        assert ended(process) == (2, "tls.key: it does not belong to tls.certificate\n")

    site.authority.write(site.folder)
    site.start()
    waiting.sees("-- #lobby: 1 here: ann")
