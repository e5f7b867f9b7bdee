"""A chat model server that says what it was started with, whole or streamed.

`python -m bench.litellm_upstream FILE` prints its port. FILE is a JSON list of texts; a request's `seed`
picks one, and its `max_tokens` is how many characters a chunk of the stream has: both pass through proxies as
they are.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import httptools
import msgspec
import uvloop


class Asked(msgspec.Struct, frozen=True):
    seed: int = 0
    max_tokens: int = 20
    stream: bool = False


def chunk(text: str, finish: str | None = None) -> bytes:
    """One event of the stream, as an HTTP chunk."""
    delta = {"role": "assistant", "content": text} if text else {}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "bench"}
    return _framed(b"data: " + msgspec.json.encode({**head, "choices": [choice]}) + b"\n\n")


def whole(text: str) -> bytes:
    """An answer that is not streamed."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "bench"}
    body = msgspec.json.encode({**head, "choices": [choice], "usage": usage})
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )


def pieces(text: str, size: int) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Texts:
    """What is sent, made once for each kind of request."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self.writes = functools.cache(self._writes)

    def _writes(self, asked: Asked) -> list[bytes]:
        text = self._texts[asked.seed]
        if not asked.stream:
            return [whole(text)]
        said = [chunk(piece) for piece in pieces(text, asked.max_tokens)]
        return [_HEAD, *said, chunk("", "stop"), _framed(b"data: [DONE]\n\n"), b"0\r\n\r\n"]


class Connection(asyncio.Protocol):
    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._body = b""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        body, self._body = self._body, b""
        if not body:  # somebody asks whether we are well
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            return
        writes = self._texts.writes(msgspec.json.decode(body, type=Asked))
        if len(writes) == 1:
            self._transport.write(writes[0])
        else:
            self._task = asyncio.create_task(self._stream(writes))

    async def _stream(self, writes: list[bytes]) -> None:
        for each in writes:
            if self._transport.is_closing():
                return
            self._transport.write(each)
            await asyncio.sleep(0)  # a write of its own for each, as tokens come


async def main(texts: list[str]) -> None:
    kept = Texts(texts)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(kept), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=list[str])))
