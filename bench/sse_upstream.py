"""A model server that streams chat completions: words at a steady pace, each event with the moment at which
it was sent (`sent`, nanoseconds of the machine's monotonic clock). Prints its port.
`python -m bench.sse_upstream EVENTS PAUSE_MS`
"""

from __future__ import annotations

import asyncio
import sys
import time

import uvloop

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_EVENT = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"bench","sent":%d,"choices":'
    b'[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n'
)


class Words:
    def __init__(self, events: int, pause_s: float) -> None:
        self._events, self._pause_s = events, pause_s

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._request(reader):
                writer.write(_HEAD)
                for _ in range(self._events):
                    await asyncio.sleep(self._pause_s)
                    self._piece(writer, _EVENT % time.monotonic_ns())
                self._piece(writer, b"data: [DONE]\n\n")
                self._piece(writer, b"")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"chunked" in head:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        else:
            await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
        return True

    @staticmethod
    def _piece(writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))


async def main(events: int, pause_s: float) -> None:
    server = await asyncio.start_server(Words(events, pause_s).serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]) / 1000))
