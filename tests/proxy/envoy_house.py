"""Envoy's side of external processing, as its filter behaves in full-duplex streaming: sends all that it has
at once, holds the request's head and the answer's until we let them go, and puts together what we send."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from sentinel.guard.screener import Screener
from sentinel.pb import ext_proc_pb2 as pb
from sentinel.proxy.envoy_messages import ATTRIBUTES
from sentinel.proxy.ext_proc import METHOD, ExtProc
from sentinel.proxy.forward import write
from sentinel.proxy.http_front import HttpFront
from sentinel.proxy.limits import LimitsConfig
from sentinel.proxy.upstream import UpstreamConfig
from tests.proxy.http_house import ADAPTERS, ECHO, Indoors, indoors

Fields = list[tuple[str, str]]
JSON = ("content-type", "application/json")
DUPLEX = pb.ProtocolConfiguration(
    request_body_mode=pb.FULL_DUPLEX_STREAMED, response_body_mode=pb.FULL_DUPLEX_STREAMED
)


@dataclass
class Half:
    """A message on its far side: what the model gets, or the caller. `pieces` arrive as they leave us."""

    headers: Fields = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    head: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    trailers: bool = False
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def get(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key == name)

    async def has(self, data: bytes) -> None:
        """Returns once that is part of it."""
        while data not in self.body:
            self.arrived.clear()
            await self.arrived.wait()


@dataclass
class Reply:
    """What the model server answers. A piece of None waits until the caller has got all before it."""

    status: int = 200
    headers: Fields = field(default_factory=lambda: [JSON])
    pieces: Iterable[bytes | None] = ()
    trailers: bool = False
    details: str = "via_upstream"
    head: bool = True
    ended: bool = True

    @property
    def empty(self) -> bool:
        return not self.pieces and not self.trailers


class Exchange:
    """One exchange. `immediate` is our answer instead of the model server's, which waits for `until`."""

    def __init__(self, call: Any, reply: Reply, until: asyncio.Event | None = None) -> None:
        self.call, self.reply, self.until = call, reply, until
        self.upstream, self.downstream = Half(), Half()
        self.status = 0
        self.immediate: pb.ImmediateResponse | None = None
        self._answering: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    @property
    def asked(self) -> bool:
        """Whether the model server has got anything."""
        return self.upstream.head.is_set()

    def told(self) -> Any:
        return json.loads(self.downstream.body)

    async def tell(self, **one: Any) -> None:
        async with self._writing:
            # Once we have ended it, nothing can be written.
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError, grpc.aio.InternalError):
                await write(self.call, pb.ProcessingRequest(**one).SerializeToString())

    async def ask(self, headers: Fields, pieces: Iterable[bytes], *, trailers: bool = False) -> None:
        """All of a request, none of whose parts waits for an answer of ours."""
        pieces = list(pieces)
        self.upstream.headers = headers
        empty = not pieces and not trailers
        await self.tell(
            request_headers=pb.HttpHeaders(headers=header_map(headers), end_of_stream=empty),
            attributes={},
            protocol_config=DUPLEX,
        )
        for number, piece in enumerate(pieces, 1):
            last = number == len(pieces) and not trailers
            await self.tell(request_body=pb.HttpBody(body=piece, end_of_stream=last))
        if trailers:
            await self.tell(request_trailers=pb.HttpTrailers())
        if empty:
            self.upstream.ended.set()

    async def run(self) -> grpc.StatusCode:
        """Take in what comes until it ends."""
        self._answering = asyncio.create_task(self._answer())
        while (message := await self._read()) is not None:
            kind = message.WhichOneof("response")
            match kind:
                case "request_headers":
                    self._head(self.upstream, message.request_headers)
                case "response_headers":
                    self._head(self.downstream, message.response_headers)
                    self.status = int(self.downstream.get(":status"))
                    if self.reply.empty:
                        self.downstream.ended.set()
                case "request_body":
                    self._body(self.upstream, message.request_body)
                case "response_body":
                    self._body(self.downstream, message.response_body)
                case "request_trailers":
                    self.upstream.trailers = True
                    self.upstream.ended.set()
                case "response_trailers":
                    self.downstream.trailers = True
                    self.downstream.ended.set()
                case _:
                    self.immediate = answer = message.immediate_response
                    assert not self.downstream.head.is_set(), "too late for that"
                    self.status = answer.status.code
                    self.downstream.headers = changed([], answer.headers)
                    self.downstream.pieces.append(answer.body)
                    self.downstream.ended.set()
            if self.downstream.ended.is_set():
                break
        if self._answering.done():
            self._answering.result()
        async with self._writing:  # a write that is cancelled cancels the call
            self._answering.cancel()
        await self.call.done_writing()
        return await self.code()

    async def code(self) -> grpc.StatusCode:
        code: grpc.StatusCode = await self.call.code()
        return code

    async def _read(self) -> pb.ProcessingResponse | None:
        try:
            message = await self.call.read()
        except grpc.aio.AioRpcError:
            return None
        return message if isinstance(message, pb.ProcessingResponse) else None

    def _head(self, half: Half, answer: pb.HeadersResponse) -> None:
        assert not half.head.is_set()
        half.headers = changed(half.headers, answer.response.header_mutation)
        half.head.set()

    def _body(self, half: Half, answer: pb.BodyResponse) -> None:
        assert half.head.is_set() and not half.ended.is_set()
        streamed = answer.response.body_mutation.streamed_response
        assert len(streamed.body) <= 65_536
        half.pieces.append(streamed.body)
        half.arrived.set()
        if streamed.end_of_stream:
            half.ended.set()

    async def _answer(self) -> None:
        await self.upstream.ended.wait()
        if self.until is not None:
            await self.until.wait()
        reply = self.reply
        pieces = list(reply.pieces)
        self.downstream.headers = [(":status", str(reply.status)), *reply.headers]
        if reply.head:
            attributes: Any = {
                ATTRIBUTES: {"fields": {"response.code_details": {"string_value": reply.details}}}
            }
            headers = pb.HttpHeaders(headers=header_map(self.downstream.headers), end_of_stream=reply.empty)
            await self.tell(response_headers=headers, attributes=attributes)
        sent = b""
        for number, piece in enumerate(pieces, 1):
            if piece is None:
                await self.downstream.has(sent)
                continue
            sent += piece
            last = number == len(pieces) and reply.ended and not reply.trailers
            await self.tell(response_body=pb.HttpBody(body=piece, end_of_stream=last))
        if reply.trailers:
            await self.tell(response_trailers=pb.HttpTrailers())


def header_map(headers: Fields) -> pb.HeaderMap:
    return pb.HeaderMap(
        headers=[pb.HeaderValue(key=key, raw_value=value.encode("latin-1")) for key, value in headers]
    )


def changed(headers: Fields, mutation: pb.HeaderMutation) -> Fields:
    """As Envoy applies it: first what goes, then what comes."""
    left = [field for field in headers if field[0] not in mutation.remove_headers]
    for option in mutation.set_headers:
        key, value = option.header.key, option.header.raw_value.decode("latin-1")
        assert key != "content-length", "Envoy frames what it streams"
        if option.append_action == option.OVERWRITE_IF_EXISTS_OR_ADD:
            left = [field for field in left if field[0] != key]
        left.append((key, value))
    return left


@dataclass
class EnvoyHouse(Indoors):
    service: ExtProc
    method: Any

    def open(self, reply: Reply | None = None) -> Exchange:
        return Exchange(self.method(), reply or Reply())

    async def exchange(
        self,
        body: bytes | Iterable[bytes] = b"",
        reply: Reply | None = None,
        *fields: tuple[str, str],
        path: str = ECHO,
        method: str = "POST",
        trailers: bool = False,
        code: grpc.StatusCode = grpc.StatusCode.OK,
    ) -> Exchange:
        """From its beginning to its end, which has to have that status."""
        it = self.open(reply)
        pieces = [body] if isinstance(body, bytes) and body else body or []
        await it.ask(head(method, path, *fields), pieces, trailers=trailers)
        ended = await it.run()
        assert ended is code, await it.call.details()
        return it


def head(method: str, path: str, *fields: tuple[str, str]) -> Fields:
    own = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "model.example")]
    typed = [] if any(name == "content-type" for name, _ in fields) or method == "GET" else [JSON]
    return [*own, *typed, *fields]


@asynccontextmanager
async def envoy_house(
    rules: Screener, *, limits: Mapping[str, Any] | None = None
) -> AsyncIterator[EnvoyHouse]:
    """The service, and a connection to it."""
    bounds = LimitsConfig(**(limits or {}))
    inside = indoors(rules, bounds, UpstreamConfig())
    service = ExtProc(HttpFront(inside.driver, ADAPTERS))
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    method = channel.stream_stream(
        METHOD,
        request_serializer=pb.ProcessingRequest.SerializeToString,
        response_deserializer=pb.ProcessingResponse.FromString,
    )
    try:
        yield EnvoyHouse(inside.driver, inside.kept, service, method)
    finally:
        await channel.close()
        await server.stop(0.5)
