import pytest

from trioserve.wire.strangers import HERE, Stranger, protocol_of


@pytest.mark.parametrize(
    "first",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a ClientHello of TLS 1.2 or 1.3
        b"\x16\x03\x00\x00\x53",  # SSL 3.0
    ],
)
def test_a_tls_client_is_known(first: bytes) -> None:
    assert protocol_of(first) == "TLS"


@pytest.mark.parametrize(
    "first", [b"SSH-2.0-OpenSSH_9.6\r\n", b"SSH-1.99-Go\r\n", b"SSH-2.0-paramiko_3.4.0\n"]
)
def test_an_ssh_client_is_known(first: bytes) -> None:
    assert protocol_of(first) == "SSH"


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost: localhost:4000\r\n",
        b"POST /login?next=%2F HTTP/1.0\r\n\r\nname=ann",
        b"OPTIONS * HTTP/1.1\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_an_http_client_is_known(first: bytes) -> None:
    assert protocol_of(first) == "HTTP"


@pytest.mark.parametrize(
    "first",
    [
        b"CAP LS 302\r\nNICK ann\r\nUSER ann 0 * :Ann\r\n",
        b"CAP LS\r\n",
        b"CAP REQ :sasl\r\n",
        b"NICK ann\r\nUSER ann 0 * :Ann\r\n",
        b"NICK ann\r\n",
        b"PASS secret\r\nNICK ann\r\n",
        b"USER ann 8 * :Ann Other\r\n",
    ],
)
def test_an_irc_client_is_known(first: bytes) -> None:
    assert protocol_of(first) == "IRC"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\0", b""])
@pytest.mark.parametrize(
    "name", [b"Nick", b"NICK", b"nick", b"Pass", b"USER", b"Cap", b"SSH-fan", b"GET", b"tls"]
)
def test_a_name_that_is_a_word_of_some_protocol_is_a_name(name: bytes, end: bytes) -> None:
    assert protocol_of(name + end) is None


@pytest.mark.parametrize(
    "first",
    [
        b"ann\nhello\n",
        b"Nick\r\nhello, I am new here\r\n",
        b"Nick Smith\r\n",
        b"nick smith\n",
        b"pass the salt\r\n",
        b"user friendly?\n",
        b"cap ls\n",
        b"GET well soon\n",
        b"GET well HTTP\n",
        b"\n",
        b"/quit\n",
        b"\xff\xfb\x1f\xff\xfd\x03",  # telnet, negotiating
        b"\x16",
        b"",
    ],
)
def test_what_people_type_is_taken_for_chat(first: bytes) -> None:
    assert protocol_of(first) is None


def test_only_the_very_first_bytes_count() -> None:
    assert protocol_of(b"ann\nGET / HTTP/1.1\r\nSSH-2.0-x\r\nNICK ann\r\n") is None


def test_who_speaks_tls_is_told_where_that_is_spoken() -> None:
    assert str(Stranger("TLS", 4433)) == f"{HERE}, not for TLS; for that there is port 4433"
    assert str(Stranger("TLS", None)) == f"{HERE}, not for TLS"
    assert str(Stranger("SSH", 4433)) == f"{HERE}, not for SSH"
