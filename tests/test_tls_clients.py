"""TLS as real clients speak it, to a server that is a process."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.peers import Authority
from tests.running import PATIENCE, running
from tests.terminals import HOST, Street, missing, open_street

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@attrs.frozen
class TlsServer:
    config: Path
    port: int
    ca: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority()
    chain, key = authority.write(folder)
    ca = folder / "ca.pem"
    authority.ca.cert_pem.write_to_path(ca)
    config = folder / "chat.toml"
    config.write_text(f'tls.certificate = "{chain}"\ntls.key = "{key}"\n')
    with running("--config", str(config), "--listen", f"tls:{HOST}:0") as process:
        yield TlsServer(config, process.port(), ca)


@pytest.fixture
def street(server: TlsServer) -> Iterator[Street]:
    with open_street(server.port) as street:
        yield street


def runs(typed: str, *command: str) -> str:
    """Run a client with this in its standard input; return all that it printed."""
    path = shutil.which(command[0])
    if path is None:
        missing(f"there is no {command[0]}")
    done = subprocess.run(
        [path, *command[1:]],
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.stdout


def openssl(server: TlsServer) -> tuple[str, ...]:
    verified = ("-verify_return_error", "-CAfile", str(server.ca), "-verify_ip", HOST)
    return ("openssl", "s_client", "-quiet", *verified, "-connect", f"{HOST}:{server.port}")


def test_openssl_talks(server: TlsServer) -> None:
    shown = runs("ann\nhello\n/who\n/quit\n", *openssl(server))

    assert "-- #lobby: 1 here: ann" in shown
    assert "-- goodbye" in shown


def test_openssl_may_change_its_keys_in_the_middle(server: TlsServer, street: Street) -> None:
    dora = street.runs_in_pipe(*(each for each in openssl(server) if each != "-quiet"))
    dora.gives_the_name("dora")

    # Without -quiet a line that begins with K asks for new keys in both directions; each has
    # to be a read of its own, because openssl looks at the first character alone.
    for line, shown in ("K", "KEYUPDATE"), ("/me waves", "** dora waves"), ("K", "KEYUPDATE"):
        dora.types(line)
        dora.sees(shown)
    dora.types("/quit")

    dora.sees("-- goodbye")


def test_ncat_talks_and_ends_its_input(server: TlsServer) -> None:
    shown = runs("bob\nhello\n", "ncat", "--ssl", HOST, str(server.port))

    assert "-- #lobby: 1 here: bob" in shown


def test_telnet_ssl_talks(street: Street) -> None:
    carol = street.in_pipe("telnet-ssl", "-z", "ssl")

    carol.gives_the_name("carol")
    carol.types("/quit")

    carol.sees("-- goodbye")


WANTS_TLS = (
    "-- this port wants TLS: ncat --ssl HOST PORT, "
    "or openssl s_client -quiet -connect HOST:PORT\r\n"
)


def test_who_comes_in_the_clear_is_told_what_the_port_wants(street: Street) -> None:
    assert street.runs("nc", typed="dave\n") == WANTS_TLS


def test_who_comes_in_the_clear_and_says_nothing_is_told_so_too(
    server: TlsServer, tmp_path: Path
) -> None:
    config = tmp_path / "chat.toml"
    config.write_text(f"{server.config.read_text()}tls.handshake = 0.1\n")
    with (
        running("--config", str(config), "--listen", f"tls:{HOST}:0") as process,
        open_street(process.port()) as street,
    ):
        assert street.runs("nc", typed="") == WANTS_TLS


def test_an_old_protocol_is_refused(server: TlsServer) -> None:
    shown = runs("", *openssl(server), "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")

    assert "alert protocol version" in shown
