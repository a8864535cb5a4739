"""TLS as real clients speak it, to a server that is a process."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.peers import Authority
from tests.running import PATIENCE, Running, running
from tests.terminals import missing

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HOST = "127.0.0.1"


@attrs.frozen
class TlsServer:
    process: Running
    port: str
    plain_port: str
    ca: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority()
    chain, key = authority.write(folder)
    ca = folder / "ca.pem"
    authority.ca.cert_pem.write_to_path(ca)
    config = folder / "chat.toml"
    config.write_text(f'tls = {{ certificate = "{chain}", key = "{key}", handshake = 0.5 }}\n')
    with running(
        "--config", str(config), "--listen", f"tls:{HOST}:0", "--listen", f"{HOST}:0"
    ) as process:
        [tls, plain] = process.line().removeprefix("trioserve listens on ").split(" and ")
        yield TlsServer(process, tls.rpartition(":")[2], plain.rpartition(":")[2], ca)


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


def test_openssl_may_change_its_keys_in_the_middle(server: TlsServer) -> None:
    # Without -quiet a line that begins with K asks for new keys in both directions; each has
    # to be a read of its own, because openssl looks at the first character alone.
    lines = ("dora", "K", "hello", "K", "/quit")
    typing = "; sleep 0.3; ".join(f"echo {line}" for line in lines)
    command = " ".join(each for each in openssl(server) if each != "-quiet")

    shown = runs("", "sh", "-c", f"{{ {typing}; sleep 0.5; }} | {command}")

    assert shown.count("KEYUPDATE") == 2
    assert "-- goodbye" in shown


def test_ncat_talks_and_ends_its_input(server: TlsServer) -> None:
    shown = runs("bob\nhello\n", "ncat", "--ssl", HOST, server.port)

    assert "-- #lobby: 1 here: bob" in shown


def test_telnet_ssl_talks(server: TlsServer) -> None:
    # The person hangs up only when they have seen the goodbye.
    script = f"{{ printf 'carol\\n/quit\\n'; sleep 1; }} | telnet-ssl -z ssl {HOST} {server.port}"
    if shutil.which("telnet-ssl") is None:
        missing("there is no telnet-ssl")

    shown = runs("", "sh", "-c", script)

    assert "-- #lobby: 1 here: carol" in shown
    assert "-- goodbye" in shown


@pytest.mark.parametrize("typed", ["dave\n", ""])
def test_who_comes_in_the_clear_is_told_what_the_port_wants(server: TlsServer, typed: str) -> None:
    shown = runs(typed, "nc", HOST, server.port)

    assert shown == (
        "-- this port wants TLS: ncat --ssl HOST PORT, "
        "or openssl s_client -quiet -connect HOST:PORT\n"
    )


def test_an_old_protocol_is_refused(server: TlsServer) -> None:
    shown = runs("", *openssl(server), "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")

    assert "alert protocol version" in shown
