"""An upstream that does whatever the caller's script says, and tells afterwards what it saw.

- Any method that no other handler here knows runs the script in the request's `torture-script` metadata: a
  JSON list of steps (`_STEPS`). So one test names a whole conversation, and runs it on any method path.
- A method whose name ends in `Missing` is not implemented.
- `/torture.Control/...` (JSON in, JSON out) belongs to the test: called directly, never through Sentinel.
- The standard health and reflection services answer as they do on any model server.

It runs in a process of its own, because a process may hold one gRPC event loop only (grpc#25364) and because
some scripts end it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

PREFIX = "torture-"
SERVICE = "torture.Torture"
OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Windows that do not grow: what is on its way is then the sidecar's doing.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 1 << 20),
    ("grpc.max_metadata_size", 128 << 10),
    ("grpc.absolute_max_metadata_size", 256 << 10),
    ("grpc.max_concurrent_streams", 100_000),
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 100_000),
    ("grpc.so_reuseport", 0),
]

Context = grpc.aio.ServicerContext
Pairs = list[list[str]]


@dataclass
class Seen:
    """What the upstream saw of one call (named by the `torture-id` metadata)."""

    method: str = ""
    peer: str = ""
    read: int = 0
    read_bytes: int = 0
    sent: int = 0
    half_closed: bool = False
    deadline: float | None = None
    metadata: Pairs = field(default_factory=list)
    ended: str = ""  # "done", "cancelled", "status" or the name of an exception
    notes: list[str] = field(default_factory=list)


def to_text(pairs: Any) -> Pairs:
    """Metadata as JSON can hold it: values of `-bin` keys in base64."""
    return [[k, base64.b64encode(v).decode() if isinstance(v, bytes) else v] for k, v in pairs or ()]


def from_text(pairs: Pairs) -> tuple[tuple[str, str | bytes], ...]:
    return tuple((k, base64.b64decode(v) if k.endswith("-bin") else v) for k, v in pairs)


class Upstream:
    def __init__(self) -> None:
        self.calls: dict[str, Seen] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.total = 0
        self.active = 0
        self.health = health.aio.HealthServicer()

    def gate(self, name: str) -> asyncio.Event:
        return self.gates.setdefault(name, asyncio.Event())

    async def play(self, context: Context) -> None:
        metadata = to_text(context.invocation_metadata())
        told = {k: v for k, v in metadata if k.startswith(PREFIX)}
        seen = self.calls.setdefault(told.get("torture-id", f"unnamed-{self.total}"), Seen())
        seen.metadata, seen.peer = metadata, context.peer()
        seen.deadline = context.time_remaining()
        self.total += 1
        self.active += 1
        script = json.loads(told.get("torture-script", '[["read_all"], ["send", 0]]'))
        try:
            for name, *arguments in script:
                await _STEPS[name](self, context, seen, *arguments)
        except asyncio.CancelledError:
            seen.ended = "cancelled"
            raise
        except grpc.aio.InternalError:
            # A write to a call that the caller has just cancelled: the library tells that in either way.
            seen.ended = "cancelled"
            raise
        except grpc.aio.AbortError:
            seen.ended = "status"
            raise
        except BaseException as error:
            seen.ended = type(error).__name__
            raise
        else:
            seen.ended = "done"
        finally:
            self.active -= 1

    # Steps. Each takes the call's context and what was seen of it, then the script's own arguments.

    async def read(self, context: Context, seen: Seen, count: int = 1) -> None:
        for _ in range(count):
            await self._read_one(context, seen)

    async def read_all(self, context: Context, seen: Seen) -> None:
        while await self._read_one(context, seen) is not None:
            pass

    async def echo(self, context: Context, seen: Seen) -> None:
        while (message := await self._read_one(context, seen)) is not None:
            await self._write(context, seen, message)

    async def send(self, context: Context, seen: Seen, size: int, count: int = 1) -> None:
        message = pattern(size)
        for _ in range(count):
            await self._write(context, seen, message)

    async def text(self, context: Context, seen: Seen, value: str) -> None:
        await self._write(context, seen, value.encode())

    async def bytes64(self, context: Context, seen: Seen, value: str) -> None:
        await self._write(context, seen, base64.b64decode(value))

    async def reflect(self, context: Context, seen: Seen) -> None:
        """What arrived, but for the metadata that tells this upstream what to do."""
        kept = [pair for pair in seen.metadata if not pair[0].startswith(PREFIX)]
        await self._write(context, seen, json.dumps(kept).encode())

    async def initial(self, context: Context, seen: Seen, pairs: Pairs) -> None:
        await context.send_initial_metadata(from_text(pairs))

    async def trailers(self, context: Context, seen: Seen, pairs: Pairs) -> None:
        context.set_trailing_metadata(from_text(pairs))

    async def status(self, context: Context, seen: Seen, code: str, details: str, pairs: Pairs) -> None:
        await context.abort(grpc.StatusCode[code], details, from_text(pairs))

    async def compress(self, context: Context, seen: Seen) -> None:
        context.set_compression(grpc.Compression.Gzip)

    async def sleep(self, context: Context, seen: Seen, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait(self, context: Context, seen: Seen, gate: str) -> None:
        seen.notes.append(f"waits:{gate}")
        await self.gate(gate).wait()

    async def exit(self, context: Context, seen: Seen) -> None:
        # Everything written so far has left before the process ends: a second of grace for the transport.
        await asyncio.sleep(0.2)
        os._exit(3)

    async def _read_one(self, context: Context, seen: Seen) -> bytes | None:
        message = await context.read()
        if message is grpc.aio.EOF:
            seen.half_closed = True
            return None
        seen.read += 1
        seen.read_bytes += len(message)
        return bytes(message)

    async def _write(self, context: Context, seen: Seen, message: bytes) -> None:
        await context.write(message)
        seen.sent += 1

    # Control.

    async def control(self, name: str, told: dict[str, Any]) -> Any:
        match name:
            case "Seen":
                return asdict(self.calls.get(told["id"], Seen()))
            case "All":
                return {key: asdict(seen) for key, seen in self.calls.items()}
            case "Totals":
                return {"total": self.total, "active": self.active}
            case "Open":
                self.gate(told["gate"]).set()
            case "Health":
                status = health_pb2.HealthCheckResponse.ServingStatus.Value(told["status"])
                await self.health.set(told.get("service", ""), status)
            case "Exit":
                os._exit(3)
        return {}


def pattern(size: int) -> bytes:
    """`size` bytes that are not all alike, the same on every call."""
    block = bytes(range(256))
    return (block * (size // 256 + 1))[:size]


_STEP_NAMES = "read read_all echo send text bytes64 reflect initial trailers status compress sleep wait exit"
_STEPS: dict[str, Callable[..., Awaitable[None]]] = {
    name: getattr(Upstream, name) for name in _STEP_NAMES.split()
}


class Handlers(grpc.GenericRpcHandler):
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method: str = details.method
        if method.endswith("Missing"):
            return None
        if method.startswith("/torture.Control/"):
            return grpc.unary_unary_rpc_method_handler(self._control(method.rpartition("/")[2]))

        async def play(_: AsyncIterator[bytes], context: Context) -> None:
            await self._upstream.play(context)

        return grpc.stream_stream_rpc_method_handler(play)

    def _control(self, name: str) -> Callable[[bytes, Context], Awaitable[bytes]]:
        async def answer(request: bytes, _: Context) -> bytes:
            return json.dumps(await self._upstream.control(name, json.loads(request))).encode()

        return answer


async def serve(arguments: argparse.Namespace) -> None:
    options = list(OPTIONS)
    if arguments.max_connection_age_ms:
        options += [
            ("grpc.max_connection_age_ms", arguments.max_connection_age_ms),
            ("grpc.max_connection_age_grace_ms", 60_000),
        ]
    upstream = Upstream()
    server = grpc.aio.server(options=options)
    health_pb2_grpc.add_HealthServicer_to_server(upstream.health, server)
    await upstream.health.set("", health_pb2.HealthCheckResponse.SERVING)
    names = (health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    server.add_generic_rpc_handlers((Handlers(upstream),))
    address = arguments.listen
    if arguments.tls:
        port = server.add_secure_port(address, tls_credentials(Path(arguments.tls), arguments.mutual))
    else:
        port = server.add_insecure_port(address)
    if not address.startswith("unix:"):
        address = f"{address.rpartition(':')[0]}:{port}"
    await server.start()
    ready = Path(arguments.ready)
    part = ready.with_suffix(".part")
    part.write_text(address)
    part.rename(ready)
    await server.wait_for_termination()


def tls_credentials(directory: Path, mutual: bool) -> grpc.ServerCredentials:
    pair = ((directory / "server.key").read_bytes(), (directory / "server.pem").read_bytes())
    roots = (directory / "ca.pem").read_bytes() if mutual else None
    return grpc.ssl_server_credentials([pair], roots, require_client_auth=mutual)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--ready", required=True, help="file that names the address once the port is open")
    parser.add_argument("--tls", help="directory with server.pem, server.key and ca.pem")
    parser.add_argument("--mutual", action="store_true", help="ask the caller for a certificate")
    parser.add_argument("--max-connection-age-ms", type=int, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
