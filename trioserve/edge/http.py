"""A few pages over HTTP/1.1, for who looks after the server: one request a connection."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import attrs
import h11
import trio

from trioserve.limits import is_loopback, network_of
from trioserve.transport import Edge, Transport

MOST_OPEN: Final = 16  # connections; for one more, one gives way
DEADLINE: Final = 10.0  # seconds for a connection, from its coming to its end
MAX_REQUEST: Final = 8 * 1024  # bytes of a request's head
READ_SIZE: Final = 4096  # bytes

log = logging.getLogger(__name__)


@attrs.frozen
class Page:
    """What is answered."""

    body: str
    status: int = 200
    kind: str = "text/plain; charset=utf-8"


@attrs.frozen
class Visitor:
    """Who asks: whether from this machine, and for it by a name of its own."""

    is_local: bool


Pages = Mapping[str, Callable[[Visitor], Awaitable[Page]]]  # by path


@attrs.define(eq=False)
class HttpEdge:
    """Serves pages. A client that is stuck costs nobody anything, and ends at DEADLINE.

    When MOST_OPEN are there, the one gives way to the next that has been silent longest, or
    if all have asked, that takes longest to read: none can hold the places of others.
    """

    pages: Pages
    # Connections, oldest first: whose request has not come yet, and whose has.
    _silent: dict[Transport, None] = attrs.field(factory=dict, init=False)
    _asking: dict[Transport, None] = attrs.field(factory=dict, init=False)

    async def serve(self, listeners: Sequence[Edge]) -> None:
        """Accept and answer until cancelled."""
        async with trio.open_nursery() as nursery:

            def admit(transport: Transport) -> None:
                if len(self._silent) + len(self._asking) >= MOST_OPEN:
                    self._give_way()
                self._silent[transport] = None
                nursery.start_soon(self._serve_one, transport, name="request")

            for listener in listeners:
                nursery.start_soon(listener.serve, admit, name="listener")

    def _give_way(self) -> None:
        """Close one connection, now: its task is about to notice."""
        waiting = self._silent or self._asking
        transport = next(iter(waiting))
        del waiting[transport]
        transport.close()

    async def _serve_one(self, transport: Transport) -> None:
        try:
            with trio.move_on_after(DEADLINE):
                await self._answer(transport)
        except OSError:
            log.debug("%s: connection lost", transport.peer)
        except trio.ClosedResourceError:
            log.debug("%s: gave way to another", transport.peer)
        except Exception:  # of one visitor: all pages would end with it
            log.exception("%s: a page crashed", transport.peer)
        finally:
            transport.close()
            self._silent.pop(transport, None)
            self._asking.pop(transport, None)

    async def _answer(self, transport: Transport) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_REQUEST)
        try:
            request = await _received(transport, connection)
        except h11.RemoteProtocolError as error:
            page, method = Page(f"{error}\n", error.error_status_hint), b"GET"
        else:
            if request is None:
                return
            self._asks(transport)
            page, method = await self._page(request, transport), request.method
        await _send(transport, _response(page, connection, is_head=method == b"HEAD"))
        transport.end_writing()
        # Read on for a while: to close with input unread would make the end a reset, which
        # throws away what the peer has not read yet (RFC 1122, 4.2.2.13).
        buffer = memoryview(bytearray(READ_SIZE))
        with trio.move_on_after(1):
            while await transport.receive_into(buffer):
                pass

    def _asks(self, transport: Transport) -> None:
        self._silent.pop(transport, None)
        self._asking[transport] = None

    async def _page(self, request: h11.Request, transport: Transport) -> Page:
        if request.method not in (b"GET", b"HEAD"):
            return Page("only GET and HEAD\n", 405)
        try:
            path = urlsplit(request.target.decode("ascii", "replace")).path
        except ValueError:  # "http://[", say
            return Page("expected a path, such as /healthz\n", 400)
        if (page := self.pages.get(path)) is None:
            return Page(f"there are {', '.join(self.pages)}\n", 404)
        hosts = [value for name, value in request.headers if name == b"host"]
        named = hosts[0].decode("ascii", "replace") if hosts else ""
        # The name, too: a page in somebody's browser may send it here under one of its own.
        is_local = network_of(transport.host) is None and _is_local_name(named)
        return await page(Visitor(is_local))


async def _received(transport: Transport, connection: h11.Connection) -> h11.Request | None:
    buffer = bytearray(READ_SIZE)
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None  # the input has ended
        size = await transport.receive_into(memoryview(buffer))
        connection.receive_data(bytes(buffer[:size]))


def _response(page: Page, connection: h11.Connection, *, is_head: bool) -> bytes:
    body = page.body.encode()
    headers = [
        ("content-type", page.kind),
        ("content-length", str(len(body))),
        ("connection", "close"),
    ]
    if page.status == 405:
        headers.append(("allow", "GET, HEAD"))
    response = h11.Response(status_code=page.status, headers=headers)
    head = connection.send(response) or b""
    return head if is_head else head + body


async def _send(transport: Transport, data: bytes) -> None:
    while data := data[transport.try_send(data) :]:
        await transport.wait_writable()


def _is_local_name(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or is_loopback(name)
    except ValueError:
        return False
