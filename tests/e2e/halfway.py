"""The stand-in model servers, HTTP and gRPC in one process, with streams that stop halfway.

A stream that comes to the word GATHER waits until as many others have (`--together`), one that comes to
FOREVER waits for good; `Count to N` is answered with N pieces of 1 KB. `GET /told` of the HTTP side tells the
prompts that arrived and the events sent so far.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc.aio
import msgspec
from aiohttp import web

from sentinel.demo.http_asked import Event
from sentinel.demo.http_model import HttpModel
from sentinel.demo.library import Library, bundled_documents
from sentinel.demo.model import ModelServer, _handlers
from sentinel.demo.tensors import texts
from sentinel.pb import open_inference_pb2 as pb
from tests.e2e.processes import end, start, wait_for_file

GATHER = "||"
FOREVER = "&&"
COUNT = "Count to "


class Told:
    """What both servers share."""

    def __init__(self, together: int) -> None:
        self.sent = 0
        self.prompts: set[str] = set()
        self._gathered = asyncio.Barrier(together)

    async def pause(self, message: bytes) -> None:
        """Where the message holds one of the words."""
        if FOREVER.encode() in message:
            await asyncio.Event().wait()
        if GATHER.encode() in message:
            await self._gathered.wait()
        self.sent += 1


class Counting(Library):
    def answer(self, prompt: str) -> str:
        if prompt.startswith(COUNT):
            return counted(int(prompt.removeprefix(COUNT)))
        return super().answer(prompt)


def counted(pieces: int) -> str:
    """White space goes with the token that follows it."""
    return "".join(f"{' ' * 1000}w{number}" for number in range(pieces))


class HalfwayHttp(HttpModel):
    def __init__(self, told: Told) -> None:
        super().__init__(Counting(bundled_documents()))
        self._told = told

    def application(self) -> web.Application:
        made = super().application()
        made.router.add_get("/told", self._tell)
        return made

    async def _tell(self, request: web.Request) -> web.Response:
        return web.json_response({"prompts": sorted(self._told.prompts), "sent": self._told.sent})

    async def _stream(self, http: web.Request, events: Iterator[Event], done: bool) -> web.StreamResponse:
        asked = json.loads(await http.read())
        self._told.prompts.add(asked["messages"][-1]["content"])
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await stream.prepare(http)
        for _, data in events:
            event = b"data: " + msgspec.json.encode(data) + b"\n\n"
            await self._told.pause(event)
            await stream.write(event)
        await stream.write(b"data: [DONE]\n\n")
        await stream.write_eof()
        return stream


class HalfwayGrpc(ModelServer):
    def __init__(self, told: Told) -> None:
        super().__init__(Counting(bundled_documents()))
        self._told = told

    async def _pieces(self, request: pb.ModelInferRequest) -> AsyncIterator[pb.ModelInferResponse]:
        self._told.prompts.update(texts(request, "text_input"))
        async for message in super()._pieces(request):
            await self._told.pause(message.SerializeToString())
            yield message


async def serve(ready: Path, http: str, grpc_address: str, together: int) -> None:
    told = Told(together)
    runner = web.AppRunner(HalfwayHttp(told).application(), access_log=None)
    await runner.setup()
    host, _, port = http.rpartition(":")
    await web.TCPSite(runner, host, int(port)).start()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_handlers(HalfwayGrpc(told)),))
    port_of_grpc = server.add_insecure_port(grpc_address)
    await server.start()
    addresses = {"http": f"{host}:{runner.addresses[0][1]}", "grpc": f"127.0.0.1:{port_of_grpc}"}
    part = ready.with_suffix(".part")
    part.write_text(json.dumps(addresses))
    part.rename(ready)
    await asyncio.Event().wait()


@dataclass
class Halfway:
    """The running servers."""

    http: str
    grpc: str
    pid: int

    def told(self) -> dict[str, Any]:
        with urlopen(f"http://{self.http}/told", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def sent(self) -> int:
        return int(self.told()["sent"])


@contextmanager
def halfway(directory: Path, together: int = 1) -> Iterator[Halfway]:
    ready = directory / "halfway.json"
    arguments = ["-m", "tests.e2e.halfway", "--ready", str(ready), "--together", str(together)]
    process = start(arguments, directory / "halfway.log")
    try:
        addresses = json.loads(wait_for_file(ready, process, directory / "halfway.log"))
        yield Halfway(addresses["http"], addresses["grpc"], process.pid)
    finally:
        end(process, grace_s=0.5)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready", type=Path, required=True)
    parser.add_argument("--together", type=int, required=True)
    parser.add_argument("--http", default="127.0.0.1:0")
    parser.add_argument("--grpc", default="127.0.0.1:0")
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.ready, chosen.http, chosen.grpc, chosen.together))


if __name__ == "__main__":
    sys.exit(main())
