"""PROXY headers, as proxies write them and as nobody should (HAProxy's proxy-protocol.txt)."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioserve.errors import ProtocolError
from trioserve.wire.proxy import LONGEST_BLOCK, SIGNATURE, Header, Origin, read_header

TCP4, TCP6, UNIX = 0x11, 0x21, 0x31
ANN, SERVER = b"\xc0\x00\x02\x07", b"\xc6\x33\x64\x01"  # 192.0.2.7, 198.51.100.1 (RFC 5737)
PORTS = struct.pack("!HH", 50123, 4000)
ANN6 = ip_address("2001:db8::7").packed


def binary(family: int, block: bytes, *, command: int = 0x21) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(block)) + block


# Headers, and where each says that the connection came from.
HEADERS = {
    b"PROXY TCP4 192.0.2.7 198.51.100.1 50123 4000\r\n": Origin("192.0.2.7", 50123),
    b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n": Origin("255.255.255.255", 65535),
    b"PROXY TCP4 192.0.2.7 198.51.100.1 0 0\r\n": Origin("192.0.2.7", 0),
    b"PROXY TCP6 2001:db8::7 2001:DB8:0::1 50123 4000\r\n": Origin("2001:db8::7", 50123),
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN ffff::1 what ever \xff\r\n": None,
    b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n": None,  # 107 bytes
    binary(TCP4, ANN + SERVER + PORTS): Origin("192.0.2.7", 50123),
    binary(TCP4, ANN + SERVER + PORTS + b"\x03\x00\x04\x12\x34\x56\x78"): Origin(
        "192.0.2.7", 50123
    ),
    binary(TCP6, ANN6 + bytes(16) + PORTS): Origin("2001:db8::7", 50123),
    binary(UNIX, b"/run/a".ljust(108, b"\0") + bytes(108)): Origin(None),
    binary(0x00, b""): None,  # a proxy that does not know
    binary(0x00, b"\x03\x00\x00"): None,
    binary(0x00, b"", command=0x20): None,  # a proxy's own check
    binary(TCP4, ANN + SERVER + PORTS, command=0x20): None,
    binary(0x55, b"what ever", command=0x20): None,
    binary(0x00, bytes(LONGEST_BLOCK)): None,
}

# What is none, and what is said of it.
NONSENSE = {
    b"ann\n": "no PROXY header",
    b"\xff\xfb\x1f": "no PROXY header",
    b"GET / HTTP/1.1\r\n": "no PROXY header",
    b"PROXX": "no PROXY header",
    b"PROXY\r\n": "no PROXY header",
    b"proxy tcp4 192.0.2.7 198.51.100.1 1 2\r\n": "no PROXY header",
    b"\r\n\r\n\x00\r\nQUIT\r": "no PROXY header",
    b"PROXY UNKNOWN\n": "a PROXY line without CR LF",
    b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n": "a PROXY line of more than 107 bytes",
    b"PROXY " + b"x" * 101: "a PROXY line of more than 107 bytes",
    b"PROXY \r\n": "a PROXY line that is none of TCP4, TCP6 and UNKNOWN",
    b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n": (
        "a PROXY line that is none of TCP4, TCP6 and UNKNOWN"
    ),
    b"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n": (
        "a PROXY line that is none of TCP4, TCP6 and UNKNOWN"
    ),
    b"PROXY TCP4 192.0.2.7  198.51.100.1 1 2\r\n": (
        "a PROXY line that is none of TCP4, TCP6 and UNKNOWN"
    ),
    b"PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n": "a PROXY line whose address is none of TCP4",
    b"PROXY TCP4 192.0.2.7 chat 1 2\r\n": "a PROXY line whose address is none of TCP4",
    b"PROXY TCP4 ::1 ::1 1 2\r\n": "a PROXY line whose address is none of TCP4",
    b"PROXY TCP6 192.0.2.7 ::1 1 2\r\n": "a PROXY line whose address is none of TCP6",
    b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n": "a PROXY line whose address is none of TCP6",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n": "a PROXY line whose port is none",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n": "a PROXY line whose port is none",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 1 -2\r\n": "a PROXY line whose port is none",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 1 \r\n": "a PROXY line whose port is none",
    binary(TCP4, b"", command=0x11): "a PROXY header of an unknown version or command",
    binary(TCP4, b"", command=0x22): "a PROXY header of an unknown version or command",
    binary(0x12, ANN + SERVER + PORTS): "a PROXY header for something else than a stream",
    binary(0x41, bytes(40)): "a PROXY header for something else than a stream",
    binary(TCP4, ANN + SERVER + PORTS[:3]): "a PROXY header that is too short for its addresses",
    binary(TCP6, bytes(35)): "a PROXY header that is too short for its addresses",
    binary(UNIX, bytes(215)): "a PROXY header that is too short for its addresses",
    binary(0x00, bytes(LONGEST_BLOCK + 1)): "a PROXY header of more than 4096 bytes",
    SIGNATURE + b"\x20\x00\xff\xff": "a PROXY header of more than 4096 bytes",
}


def read_in_pieces(data: bytes, cuts: list[int]) -> Header | str | None:
    """Read what arrives cut there, as a connection does: until there is a result."""
    for end in sorted({min(cut, len(data)) for cut in cuts} | {len(data)}):
        try:
            if (header := read_header(data[:end])) is not None:
                return header
        except ProtocolError as error:
            return str(error)
    return None


@pytest.mark.parametrize("data", HEADERS, ids=repr)
def test_a_header_says_where_a_connection_came_from(data: bytes) -> None:
    assert read_header(data) == Header(HEADERS[data], len(data))


@pytest.mark.parametrize("data", HEADERS, ids=repr)
def test_before_its_last_byte_no_header_is_complete(data: bytes) -> None:
    assert all(read_header(data[:end]) is None for end in range(len(data)))


@pytest.mark.parametrize("data", NONSENSE, ids=repr)
def test_nonsense_is_refused_with_what_is_wrong_with_it(data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        read_header(data)

    assert str(caught.value) == NONSENSE[data]


@given(
    data=st.sampled_from([*HEADERS, *NONSENSE]),
    behind=st.binary(max_size=50),
    cuts=st.lists(st.integers(0, 300)),
)
def test_any_chopping_gives_the_same_and_loses_nothing_behind_the_header(
    data: bytes, behind: bytes, cuts: list[int]
) -> None:
    whole = data + behind if data in HEADERS else data

    found = read_in_pieces(whole, cuts)

    if data in HEADERS:
        assert found == Header(HEADERS[data], len(data))
        assert whole[len(data) :] == behind
    else:
        assert found == NONSENSE[data]


@given(
    beginning=st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", b"PROXY TCP6 ::1 ", SIGNATURE])
    | st.builds(
        lambda command, family, length: SIGNATURE + struct.pack("!BBH", command, family, length),
        st.sampled_from([0x20, 0x21]),
        st.sampled_from([0x00, TCP4, TCP6, UNIX]),
        st.integers(0, 300),
    ),
    rest=st.binary(max_size=300) | st.text(" \r\n0123456789:.%", max_size=120).map(str.encode),
    cuts=st.lists(st.integers(0, 300)),
)
def test_of_any_bytes_comes_a_header_a_refusal_or_the_wish_for_more(
    beginning: bytes, rest: bytes, cuts: list[int]
) -> None:
    found = read_in_pieces(beginning + rest, [])

    assert read_in_pieces(beginning + rest, cuts) == found
    if isinstance(found, Header):
        assert 0 < found.size <= len(beginning + rest)
    elif found is None:
        assert len(beginning + rest) < 16 + LONGEST_BLOCK


@given(st.ip_addresses(), st.integers(0, 65535))
def test_both_versions_tell_the_same_of_every_address(address: object, port: int) -> None:
    source = ip_address(str(address))
    line = f"PROXY TCP{source.version} {source} {source} {port} 1\r\n".encode()
    family = TCP4 if source.version == 4 else TCP6
    header = binary(family, source.packed * 2 + struct.pack("!HH", port, 1))

    origins = {each.origin for each in map(read_header, (line, header)) if each is not None}

    assert origins == {Origin(str(source), port)}


@pytest.mark.parametrize(
    ("origin", "shown"),
    [
        (Origin("192.0.2.7", 50123), "192.0.2.7:50123"),
        (Origin("2001:db8::7", 50123), "[2001:db8::7]:50123"),
        (Origin(None), "unix"),
    ],
)
def test_an_origin_is_shown_as_a_log_shows_peers(origin: Origin, shown: str) -> None:
    assert str(origin) == shown
