"""HTTP/1.1 by hand on both sides, so that a test decides about every byte and sees every byte."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

WAIT_S = 20.0


@dataclass
class Message:
    """A request or an answer. `whole` is false where its connection ended before its body did."""

    first: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    whole: bool = True

    @property
    def status(self) -> int:
        return int(self.first.split(" ")[1])

    @property
    def method(self) -> str:
        return self.first.split(" ")[0]

    @property
    def target(self) -> str:
        return self.first.split(" ")[1]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]

    def get(self, name: str) -> str:
        return ", ".join(self.all(name))


async def read_message(reader: asyncio.StreamReader, to: str = "") -> Message:
    """The next message of a connection; `to` is the method of the request that it answers. Raises
    IncompleteReadError when none begins."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = [line.partition(":") for line in lines[1:] if line]
    message = Message(lines[0], [(name, value.strip()) for name, _, value in fields])
    answer = lines[0].startswith("HTTP/")
    if to == "HEAD" or (answer and message.status in (204, 304)) or (answer and message.status < 200):
        return message
    try:
        if message.get("transfer-encoding") == "chunked":
            while size := int(await reader.readuntil(b"\r\n"), 16):
                message.body += (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        elif message.get("content-length"):
            message.body = await reader.readexactly(int(message.get("content-length")))
        elif answer:
            message.body = await reader.read()
    except (asyncio.IncompleteReadError, ConnectionResetError) as error:
        message.body += getattr(error, "partial", b"")
        message.whole = False
    return message


def request(method: str, target: str, body: bytes = b"", *fields: str, length: bool = True) -> bytes:
    """`fields` as `Name: value`."""
    lines = [f"{method} {target} HTTP/1.1", "Host: sidecar", *fields]
    if body and length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def answer(status: int, body: bytes = b"", *fields: str, length: bool = True) -> bytes:
    lines = [f"HTTP/1.1 {status} Some Words", *fields]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Connection:
    """A caller's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, address: str, **options: object) -> Connection:
        host, _, port = address.rpartition(":")
        return cls(*await asyncio.open_connection(host, int(port), limit=1 << 16, **options))  # type: ignore[arg-type]

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, to: str = "") -> Message:
        return await asyncio.wait_for(read_message(self.reader, to), WAIT_S)

    async def ended(self) -> bytes:
        """What else comes before the other side closes."""
        try:
            return await asyncio.wait_for(self.reader.read(), WAIT_S)
        except ConnectionError:
            return b""

    def close(self) -> None:
        self.writer.close()

    def drop(self) -> None:
        self.writer.transport.abort()


async def ask(address: str, data: bytes, to: str = "") -> Message:
    """One request on a connection of its own."""
    connection = await Connection.open(address)
    try:
        await connection.send(data)
        return await connection.answer(to or data.split(b" ", 1)[0].decode())
    finally:
        connection.close()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Upstream:
    """A model server whose every connection runs `handler`. `ended` is set once a connection was closed by
    its other side while the handler waited in `until_closed`."""

    handler: Handler
    address: str = ""
    seen: list[Message] = field(default_factory=list)
    connections: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.ended.set()
        finally:
            writer.close()

    async def until_closed(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(1 << 16):
            pass
        self.ended.set()


@asynccontextmanager
async def upstream(*replies: bytes, handler: Handler | None = None) -> AsyncIterator[Upstream]:
    """Answers each request of a connection with the next of `replies`, the last one again and again; or does
    what `handler` does with each connection."""
    replies = replies or (answer(200, b"hello"),)

    async def in_turn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in itertools.chain(replies, itertools.repeat(replies[-1])):
            it.seen.append(await read_message(reader))
            to_head = it.seen[-1].method == "HEAD"
            writer.write(reply.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if to_head else reply)
            await writer.drain()

    it = Upstream(handler or in_turn)
    server = await asyncio.start_server(it.connected, "127.0.0.1", 0)
    it.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield it
    finally:
        server.close()
