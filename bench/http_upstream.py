"""An HTTP model server that costs next to nothing: the same bytes for every request.
`python -m bench.http_upstream FILE` answers with the file's bytes as JSON and prints its port."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import httptools
import uvloop


class Same(asyncio.Protocol):
    """One connection."""

    def __init__(self, answer: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(
            answer
        )
        self._answer = head + answer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(self._answer)


async def main(answer: bytes) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Same(answer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]).read_bytes()))
