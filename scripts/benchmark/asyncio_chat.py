"""A peer: the chat that asyncio's streams invite one to write. Run as ``asyncio_chat.py PORT``.

The first line is ``nick room``; further lines go to everybody else in the room.
It never waits for a slow reader, and so keeps all that is unread in memory.
"""

import asyncio
import sys

rooms: dict[bytes, set[asyncio.StreamWriter]] = {}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    nick, _, name = (await reader.readline()).strip().partition(b" ")
    room = rooms.setdefault(name, set())
    room.add(writer)
    writer.write(b"-- welcome\r\n")
    try:
        while line := await reader.readline():
            text = line.strip()
            if text == b"/ping":
                writer.write(b"-- pong\r\n")
                continue
            data = b"<%b> %b\r\n" % (nick, text)
            for other in room:
                if other is not writer:
                    other.write(data)
    except ConnectionError:
        pass  # gone: nobody is told, this is all there is
    finally:
        room.discard(writer)
        writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1])))
