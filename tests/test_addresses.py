"""Where to listen, as people write it."""

import pytest

from trioserve.edge.addresses import Address, TcpAddress, UnixAddress, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:4000", TcpAddress("127.0.0.1", 4000)),
        ("localhost:0", TcpAddress("localhost", 0)),
        ("chat.example.org:65535", TcpAddress("chat.example.org", 65535)),
        ("[::1]:4000", TcpAddress("::1", 4000)),
        ("[::]:4000", TcpAddress("::", 4000)),
        ("[fe80::1%eth0]:4000", TcpAddress("fe80::1%eth0", 4000)),
        ("tls:127.0.0.1:4433", TcpAddress("127.0.0.1", 4433, tls=True)),
        ("tls:[::1]:4433", TcpAddress("::1", 4433, tls=True)),
        ("unix:/run/chat.sock", UnixAddress("/run/chat.sock")),
        ("unix:chat.sock", UnixAddress("chat.sock")),
        ("unix:with:colon and blank", UnixAddress("with:colon and blank")),
    ],
)
def test_an_address_is_read_and_written_back(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


def test_a_name_may_stand_in_brackets_too() -> None:
    assert parse_address("[localhost]:4000") == TcpAddress("localhost", 4000)


@pytest.mark.parametrize(
    "text", ["", "chat", "tls:", "tls:4433", "tls:host", "4000", ":4000", "[]:4000", "[::1]",
             "host:", "host:x", "host:-1", "host:+1", "host: 1", "host:1 ", "host:１２",
             "host:4_0", "host:1.0", "http://host:80", "host/x:1", " host:1", "a b:1"],
)  # fmt: skip
def test_what_has_no_host_or_no_port_is_refused(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^expected HOST:PORT such as 127.0.0.1:4000, or unix:PATH; got "
    ) as caught:
        parse_address(text)

    assert str(caught.value).endswith(f'got "{text}"')


@pytest.mark.parametrize("text", ["::1:4000", "::", "fe80::1%eth0:4000", "a:b:4000"])
def test_an_ipv6_address_without_brackets_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="needs brackets") as caught:
        parse_address(text)

    assert str(caught.value) == f'an IPv6 address needs brackets, [::1]:4000; got "{text}"'


def test_what_is_in_brackets_and_looks_like_an_ipv6_address_has_to_be_one() -> None:
    with pytest.raises(ValueError, match=r'^expected an IPv6 .*, got "\[::g\]:4000"$'):
        parse_address("[::g]:4000")


def test_a_port_beyond_the_last_is_refused() -> None:
    with pytest.raises(ValueError, match=r'^a port is at most 65535, got "host:65536"$'):
        parse_address("host:65536")


@pytest.mark.parametrize("text", ["unix:", "unix:\0abstract", "unix:a\0b"])
def test_a_path_that_no_file_can_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected unix:PATH, got "):
        parse_address(text)
