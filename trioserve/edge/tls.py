"""TLS over any transport, without a task or a buffer more.

Theory of operation. OpenSSL works on two buffers in memory, and what it leaves in
the one is offered to the transport below at once. So writing goes through as it
does in the clear, and nobody waits who would not wait there. What the transport
does not take is at most one record: the bytes in it count as not sent, so the
outbox keeps them, a stuck reader is noticed, and its drain offers them again;
once the record has gone, they are passed over.
"""

import errno
import ssl
from contextlib import suppress
from typing import Any, Final

import trio

from trioserve.transport import Transport
from trioserve.wire.text import encode

RECORD: Final = 16 * 1024  # bytes of text in one record (RFC 8446, 5.1)
# Bytes that a connection may send beside its text and what goes with each record. Who sends
# nothing but key updates has us compute for nothing; that is some two thousand of them.
IDLE_TALK: Final = 64 * 1024
_OVERHEAD: Final = 128  # bytes that go with a record, at most, if it is not padded
_HANDSHAKE: Final = 0x16  # as a connection's first byte: a record of that kind (RFC 8446, 5.1)
WANTS_TLS: Final = (
    "-- this port wants TLS: ncat --ssl HOST PORT, or openssl s_client -quiet -connect HOST:PORT"
)
_LINGER: Final = 0.5  # seconds to read on, so that who speaks no TLS can read why they go

# Where every connection's ciphertext is received: nothing awaits between that and OpenSSL's
# taking it. Small, because what OpenSSL does with it holds up the others.
_RAW: Final = memoryview(bytearray(4 * 1024))


class TlsTransport:
    """The server's side of a TLS connection over a transport, which it owns.

    A `try_send` that takes a part has to be followed by one that begins with
    the rest.
    """

    __slots__ = (
        "_ahead",
        "_below",
        "_encrypted",
        "_foreseen",
        "_handshake",
        "_idle_talk",
        "_incoming",
        "_input_ended",
        "_is_open",
        "_outgoing",
        "_tls",
        "_unsent",
    )

    def __init__(self, below: Transport, context: ssl.SSLContext, handshake: float) -> None:
        """Make one that has yet to be opened, within `handshake` seconds."""
        self._below = below
        self._handshake = handshake
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._unsent = b""  # ciphertext that the transport has not taken, and how many bytes
        self._encrypted = 0  # of the next text are in it already
        self._ahead = bytearray()  # text that was received before it was asked for
        self._foreseen = 0  # bytes of ciphertext that OpenSSL has, and the transport has still
        self._idle_talk = 0
        self._input_ended = False
        self._is_open = False

    @property
    def peer(self) -> str:
        return self._below.peer

    @property
    def host(self) -> str | None:
        return self._below.host

    @property
    def is_operator(self) -> bool:
        return self._below.is_operator

    @property
    def is_telnet(self) -> bool:
        return self._below.is_telnet

    @property
    def is_private(self) -> bool:
        return True

    @property
    def is_open(self) -> bool:
        return self._is_open

    # ---------------------------------------------------------------- opening

    async def open(self) -> Transport:
        self._below = await self._below.open()
        with trio.move_on_after(self._handshake):
            await self._shake_hands()
            self._is_open = True
            return self
        if not self._idle_talk:
            await self._tell_plain()  # somebody waits for a greeting
        raise OSError(errno.ETIMEDOUT, f"no TLS handshake within {self._handshake:g} seconds")

    async def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                pass  # it is received below
            except ssl.SSLError as error:
                self._flush()  # the alert that tells the client why
                raise _broken(error) from None
            else:
                self._idle_talk = 0
                self._flush()
                return
            while not self._flush():
                await self._below.wait_writable()
            is_first = not self._idle_talk
            size = await self._receive()
            if size and is_first and _RAW[0] != _HANDSHAKE:
                await self._tell_plain()
                raise OSError(errno.EPROTO, "plain text on a port for TLS")

    async def _tell_plain(self) -> None:
        """Say in the clear what this port is, and end the writing."""
        self._below.try_send(encode(WANTS_TLS))
        self._below.end_writing()
        with trio.move_on_after(_LINGER):
            while await self._below.receive_into(_RAW):
                pass

    # ---------------------------------------------------------------- writing

    def try_send(self, data: bytes) -> int:
        if self._unsent and not self._flush():
            return 0
        sent, self._encrypted = self._encrypted, 0
        view = memoryview(data)
        while sent < len(data):
            try:
                size = self._tls.write(view[sent : sent + RECORD])
            except ssl.SSLError as error:
                raise _broken(error) from None
            if not self._flush():
                self._encrypted = size
                break
            sent += size
        return sent

    async def wait_writable(self) -> None:
        await self._below.wait_writable()

    def end_writing(self) -> None:
        if not self._unsent:  # or else what is sent is cut off anyway
            self._receive_ahead()
            with suppress(ssl.SSLError):  # the other side's end may never come: do not wait for it
                self._tls.unwrap()
            self._flush()
        self._below.end_writing()

    def _flush(self) -> bool:
        """Offer the transport what OpenSSL has written; whether nothing is left of it."""
        if self._outgoing.pending:
            self._unsent += self._outgoing.read()
        if self._unsent:
            self._unsent = self._unsent[self._below.try_send(self._unsent) :]
        return not self._unsent

    # ---------------------------------------------------------------- reading

    async def receive_into(self, buffer: memoryview) -> int:
        if self._input_ended or self._ahead or self._incoming.pending or self._tls.pending():
            await trio.lowlevel.checkpoint()
            if (size := self._take(buffer)) is not None:
                return size
        while True:
            await self._receive()
            if (size := self._take(buffer)) is not None:
                return size

    def peek(self, size: int) -> bytes:
        if not self._input_ended:
            with suppress(OSError):  # told when it is received
                coming = self._below.peek(size + RECORD + _OVERHEAD)[self._foreseen :]
                self._foreseen += len(coming)
                self._take_in(coming)
                self._receive_ahead()
        return bytes(self._ahead[:size])

    def close(self) -> None:
        self._below.close()

    async def _receive(self) -> int:
        """Wait for ciphertext and hand it to OpenSSL; return how many bytes, 0 at its end."""
        size = await self._below.receive_into(_RAW)
        if size:
            known = min(size, self._foreseen)
            self._foreseen -= known
            self._take_in(_RAW[known:size])
        else:
            self._incoming.write_eof()
        return size

    def _take_in(self, ciphertext: bytes | memoryview) -> None:
        self._incoming.write(ciphertext)
        self._idle_talk += len(ciphertext)

    def _take(self, buffer: memoryview) -> int | None:
        """Move text that is there into the buffer; return how much, 0 at the end, None if none."""
        if self._ahead:
            size = min(len(buffer), len(self._ahead))
            buffer[:size] = self._ahead[:size]
            del self._ahead[:size]
            return size
        return 0 if self._input_ended else self._decrypt(buffer)

    def _decrypt(self, buffer: memoryview) -> int | None:
        size: int | None
        try:
            read: Any = self._tls.read(len(buffer), buffer)  # with a buffer, how many bytes
        except ssl.SSLWantReadError:
            if self._idle_talk > IDLE_TALK:
                raise OSError(errno.EPROTO, "TLS without text") from None
            size = None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            # Nobody says goodbye whose client was killed, and they should have what they said
            # said. A connection that somebody else cut loses no part of a line: a client
            # encrypts each by itself.
            size = 0
        except ssl.SSLError as error:
            self._flush()  # the alert that tells the client why
            raise _broken(error) from None
        else:
            size = int(read)
            self._idle_talk = max(0, self._idle_talk - size - _OVERHEAD)
        self._input_ended = size == 0
        if self._outgoing.pending:
            self._flush()  # answers to key updates; if it does not fit, before what is sent next
        return size

    def _receive_ahead(self) -> None:
        """Decrypt what has been received: an `unwrap` would choke on it."""
        buffer = memoryview(bytearray(RECORD))
        try:
            while size := self._decrypt(buffer):
                self._ahead += buffer[:size]
        except OSError:
            pass  # told when it is received again


def _broken(error: ssl.SSLError) -> OSError:
    """The same fault as a log shows it, without where in Python's source it was found."""
    reason = error.reason or error.strerror or str(error)
    return OSError(errno.EPROTO, f"TLS: {reason.lower().replace('_', ' ')}")
