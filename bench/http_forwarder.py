"""The baseline over HTTP: a raw ASGI application on uvicorn (httptools, uvloop) that forwards bytes with
aiohttp and does nothing else. `python -m bench.http_forwarder UPSTREAM` prints its port."""

from __future__ import annotations

import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import uvicorn
import uvloop

_OWN = (b"host", b"connection", b"content-length", b"transfer-encoding")


class Forward:
    def __init__(self, upstream: str) -> None:
        self._upstream = f"http://{upstream}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def __call__(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"] if name not in _OWN]
        url = self._upstream + scope["raw_path"].decode()
        async with self._session.request(scope["method"], url, headers=headers, data=body) as response:
            answer = await response.read()
            kept = [(name, value) for name, value in response.raw_headers if name.lower() not in _OWN]
        kept.append((b"content-length", b"%d" % len(answer)))
        await send({"type": "http.response.start", "status": response.status, "headers": kept})
        await send({"type": "http.response.body", "body": answer})


async def main(upstream: str) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        Forward(upstream),
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="critical",
        proxy_headers=False,
        timeout_keep_alive=75,
    )
    print(listening.getsockname()[1], flush=True)
    await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
