"""A peer: chat as Trio's tutorials teach it. Run as ``naive_chat.py PORT``.

Each connection has a task that reads and a task that writes, with a memory
channel between the rooms and the writer, and each message is a `send_all` of
its own. The first line is ``nick room``; further lines go to everybody else in
the room. The channels are unbounded: bounded ones would let one reader who is
stuck hold up the room.
"""

import math
import sys
from collections.abc import AsyncIterator

import trio

rooms: dict[bytes, set[trio.MemorySendChannel[bytes]]] = {}


async def serve(stream: trio.SocketStream) -> None:
    send, receive = trio.open_memory_channel[bytes](math.inf)
    lines = read_lines(stream)
    nick, _, name = (await anext(lines, b"")).partition(b" ")
    room = rooms.setdefault(name, set())
    room.add(send)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, stream, receive)
            send.send_nowait(b"-- welcome\r\n")
            async for line in lines:
                say(room, send, nick, line)
            nursery.cancel_scope.cancel()
    except* (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # gone: nobody is told, this is all there is
    finally:
        room.discard(send)


def say(
    room: set[trio.MemorySendChannel[bytes]],
    author: trio.MemorySendChannel[bytes],
    nick: bytes,
    line: bytes,
) -> None:
    if line == b"/ping":
        author.send_nowait(b"-- pong\r\n")
        return
    for each in room:
        if each is not author:
            each.send_nowait(b"<%b> %b\r\n" % (nick, line))


async def write(stream: trio.SocketStream, receive: trio.MemoryReceiveChannel[bytes]) -> None:
    async for data in receive:
        await stream.send_all(data)


async def read_lines(stream: trio.SocketStream) -> AsyncIterator[bytes]:
    rest = b""
    while data := await stream.receive_some():
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line.strip()


async def main(port: int) -> None:
    await trio.serve_tcp(serve, port, host="127.0.0.1", backlog=1024)


trio.run(main, int(sys.argv[1]))
