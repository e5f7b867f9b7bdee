"""A model server over HTTP that does what the path of a request says; on a thread of the test's own
process."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.rawhttp import Message, answer

PIECE = 1 << 16
JSON = "Content-Type: application/json"


@dataclass
class HttpTorture:
    """`seen` counts requests by path, `closed` connections that their other side closed in the middle of one,
    `sent` bytes of endless answers. Answers that wait do so until `release`."""

    address: str = ""
    seen: dict[str, int] = field(default_factory=dict)
    closed: int = 0
    sent: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        waiting = True
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                waiting = False
                target = head.split(" ")[1]
                path, _, query = target.partition("?")
                self.seen[path] = self.seen.get(path, 0) + 1
                await self.answer(path, query, head, reader, writer)
                waiting = True
        except (ConnectionError, asyncio.IncompleteReadError):
            self.closed += not waiting
        except asyncio.CancelledError:
            return
        finally:
            self.tasks.discard(task)
            writer.close()

    async def answer(
        self, path: str, query: str, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if path == "/sink":
            writer.write(answer(200, await digest(head, reader)))
        elif path == "/source":
            size = int(query)
            writer.write(answer(200, b"", f"Content-Length: {size}", length=False))
            for start in range(0, size, PIECE):
                writer.write(pattern(min(PIECE, size - start)))
                await writer.drain()
        elif path == "/endless":
            writer.write(answer(200, b"", "Transfer-Encoding: chunked", length=False))
            while True:
                writer.write(b"%x\r\n%s\r\n" % (PIECE, pattern(PIECE)))
                await writer.drain()
                self.sent += PIECE
        elif path == "/wait":
            writer.write(answer(200, b"5\r\nbegun\r\n", "Transfer-Encoding: chunked", length=False))
            leaving = asyncio.create_task(reader.read(1))
            released = asyncio.create_task(self.release.wait())
            await asyncio.wait([leaving, released], return_when=asyncio.FIRST_COMPLETED)
            gone = leaving.done()
            released.cancel()
            leaving.cancel()
            await asyncio.gather(leaving, released, return_exceptions=True)
            if gone:
                raise ConnectionResetError
            writer.write(b"4\r\ndone\r\n0\r\n\r\n")
        elif path == "/break":
            writer.write(answer(200, b"12345", "Content-Length: 9", length=False))
            await writer.drain()
            raise ConnectionResetError
        elif path == "/v1/chat/completions":
            request = await with_body(head, reader)
            await asyncio.sleep(float(request.get("x-sleep") or 0))
            said = json.loads(request.body)["messages"][-1]["content"]
            choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
            body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
            writer.write(answer(200, json.dumps(body).encode(), JSON))
        else:
            await with_body(head, reader)
            writer.write(answer(200, b"hello"))
        await writer.drain()


async def with_body(head: str, reader: asyncio.StreamReader) -> Message:
    """The rest of a request whose head was read; its body has a length."""
    first, *lines = head.split("\r\n")
    fields = [line.partition(":") for line in lines if line]
    message = Message(first, [(name, value.strip()) for name, _, value in fields])
    message.body = await reader.readexactly(int(message.get("content-length") or 0))
    return message


async def digest(head: str, reader: asyncio.StreamReader) -> bytes:
    """Length and digest of a request's body, read piece by piece."""
    length = next(
        int(line.partition(":")[2])
        for line in head.split("\r\n")
        if line.lower().startswith("content-length")
    )
    seen, left = hashlib.sha256(), length
    while left:
        piece = await reader.read(min(left, PIECE))
        if not piece:
            raise ConnectionResetError
        seen.update(piece)
        left -= len(piece)
    return f"{length} {seen.hexdigest()}".encode()


def pattern(size: int) -> bytes:
    return (bytes(range(256)) * (size // 256 + 1))[:size]


@contextmanager
def http_torture(port: int = 0) -> Iterator[HttpTorture]:
    it = HttpTorture()
    ready = threading.Event()

    async def serve() -> None:
        server = await asyncio.start_server(it.connected, "127.0.0.1", port)
        it.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        await stopped.wait()
        server.close()
        for task in list(it.tasks):
            task.cancel()
        await asyncio.gather(*it.tasks, return_exceptions=True)

    stopped = asyncio.Event()
    thread = threading.Thread(target=it.loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield it
    finally:
        it.loop.call_soon_threadsafe(stopped.set)
        thread.join()
        it.loop.close()
