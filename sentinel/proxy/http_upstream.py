"""The HTTP client towards the model server: one session a worker, no cookies, no redirects followed, no
proxies from the environment, bodies as they are."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
from aiohttp.connector import AddrInfoType
from multidict import CIMultiDict
from yarl import URL

from sentinel.proxy.http_errors import HttpError
from sentinel.proxy.http_headers import Headers
from sentinel.proxy.limits import KeepaliveConfig, LimitsConfig
from sentinel.proxy.tls import client_context
from sentinel.proxy.upstream import UpstreamConfig

# Many servers (uvicorn, Node) close a connection that was idle for five seconds; one that we use at that
# moment fails, and a prompt must not be sent twice.
_IDLE_S = 4.0

_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_READ_BUFFER = 64 * 1024


class HttpUpstream:
    """Made inside the event loop. Raises HttpError (502) where the model server cannot be asked."""

    def __init__(self, config: UpstreamConfig, limits: LimitsConfig, keepalive: KeepaliveConfig) -> None:
        assert config.http is not None
        self.base = config.http
        self.address = self.base.partition("://")[2]
        """HOST:PORT[/prefix], as records name it."""
        https = self.base.startswith("https:")
        self._server_name = config.tls.server_name if https and config.tls else None
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=_IDLE_S,
            ssl=client_context(config.tls) if https else False,
            socket_factory=lambda address: _socket(address, keepalive),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_AUTOMATIC,
            read_bufsize=_READ_BUFFER,
            max_line_size=limits.max_metadata_bytes,
            max_field_size=limits.max_metadata_bytes,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=config.connect_timeout_s),
        )

    async def ask(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        body: bytes | AsyncIterator[bytes] | None = None,
        length: int | None = None,
    ) -> UpstreamAnswer:
        """See http_model."""
        fields = CIMultiDict(headers)
        if length is not None:
            fields["Content-Length"] = str(length)
        try:
            response = await self._session.request(
                method,
                URL(self.base + target, encoded=True),
                headers=fields,
                data=body,
                allow_redirects=False,
                server_hostname=self._server_name,
            )
            return UpstreamAnswer(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(error) from None

    def probe(self, path: str, timeout_s: float) -> Callable[[], Awaitable[bool]]:
        """A question whether it serves: any answer at `path` will do that is no server's error."""
        return functools.partial(self._serves, path, timeout_s)

    async def _serves(self, path: str, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                response = await self.ask("GET", path, [])
                response.close()
                return response.status < 500
        except (HttpError, TimeoutError):
            return False

    def _unreachable(self, error: BaseException) -> HttpError:
        reached = isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientResponseError)
        why = "gave no valid answer" if reached else "cannot be reached"
        return HttpError(
            502, "upstream", f"the model server at {self.address} {why} ({type(error).__name__})"
        )

    async def close(self) -> None:
        await self._session.close()


class UpstreamAnswer:
    """See http_model."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Headers = [(name.lower(), value) for name, value in response.raw_headers]

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except (aiohttp.ClientError, OSError) as error:
            told = f"the model server broke its answer off ({type(error).__name__})"
            raise HttpError(502, "upstream", told) from None

    def close(self) -> None:
        self._response.close()


def _socket(address: AddrInfoType, keepalive: KeepaliveConfig) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    keep_alive(made, keepalive)
    return made


def keep_alive(where: socket.socket, config: KeepaliveConfig) -> None:
    """Let the kernel ask a silent peer whether it is there; sockets accepted from a listening one inherit
    it."""
    where.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        where.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, max(1, round(config.time_s)))
        where.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, round(config.timeout_s / 3)))
        where.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
