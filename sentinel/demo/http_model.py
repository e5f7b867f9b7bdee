"""The stand-in model server over HTTP: `python -m sentinel.demo.http_model --listen 127.0.0.1:8000`.

Speaks OpenAI's chat completions, completions and responses and Anthropic's messages, whole and streamed. With
`tools` it calls the first one, and answers from what the tool says.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from sentinel.demo import http_anthropic, http_openai
from sentinel.demo.http_anthropic import Messages
from sentinel.demo.http_asked import Event, Invalid
from sentinel.demo.http_openai import Chat, Completion
from sentinel.demo.http_responses import Response
from sentinel.demo.library import Library, bundled_documents
from sentinel.demo.model import MODEL

_MAX_BYTES = 256 << 20
Told = tuple[dict[str, Any], Iterator[Event]]
"""An answer as a whole, and as events."""


class HttpModel:
    """The paths. `delay_s` is waited before a whole answer and each event of a streamed one."""

    def __init__(self, library: Library, delay_s: float = 0.0) -> None:
        self._library = library
        self._delay_s = delay_s

    def application(self) -> web.Application:
        made = web.Application(client_max_size=_MAX_BYTES)
        openai, anthropic = http_openai.error_body, http_anthropic.error_body
        made.router.add_get("/health", self._health)
        made.router.add_get("/v1/models", self._models)
        made.router.add_post("/v1/chat/completions", self._handler(self._chat, openai, done=True))
        made.router.add_post("/v1/completions", self._handler(self._completion, openai, done=True))
        made.router.add_post("/v1/responses", self._handler(self._response, openai))
        made.router.add_post("/v1/messages", self._handler(self._messages, anthropic))
        return made

    def _chat(self, request: Mapping[str, Any]) -> Told:
        chat = Chat(request)
        answer = chat.asked.answer(self._library)
        return chat.whole(answer), chat.events(answer)

    def _completion(self, request: Mapping[str, Any]) -> Told:
        completion = Completion(request)
        answers = [self._library.answer(prompt) for prompt in completion.prompts]
        return completion.whole(answers), completion.events(answers)

    def _response(self, request: Mapping[str, Any]) -> Told:
        response = Response(request)
        answer = response.asked.answer(self._library)
        return response.whole(answer), response.events(answer)

    def _messages(self, request: Mapping[str, Any]) -> Told:
        messages = Messages(request)
        answer = messages.asked.answer(self._library)
        return messages.whole(answer), messages.events(answer)

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(text="OK")

    async def _models(self, request: web.Request) -> web.Response:
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "sentinel"}
        return _json({"object": "list", "data": [model]})

    def _handler(
        self,
        tell: Callable[[Mapping[str, Any]], Told],
        error_body: Callable[[str, int], dict[str, Any]],
        *,
        done: bool = False,
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(http: web.Request) -> web.StreamResponse:
            try:
                request = _read(await http.read())
                whole, events = tell(request)
            except Invalid as error:
                return _json(error_body(str(error), error.status), error.status)
            if request.get("stream"):
                return await self._stream(http, events, done)
            await asyncio.sleep(self._delay_s)
            return _json(whole)

        return handle

    async def _stream(self, http: web.Request, events: Iterator[Event], done: bool) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await stream.prepare(http)
        for name, data in events:
            await asyncio.sleep(self._delay_s)
            head = f"event: {name}\n".encode() if name else b""
            await stream.write(head + b"data: " + msgspec.json.encode(data) + b"\n\n")
        if done:
            await stream.write(b"data: [DONE]\n\n")
        await stream.write_eof()
        return stream


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise Invalid("the body must be a JSON object") from None


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


async def start_http_model(listen: str, *, delay_s: float = 0.0) -> tuple[web.AppRunner, str]:
    """A running server (`cleanup` ends it) and its address. Raises OSError when that is taken."""
    model = HttpModel(Library(bundled_documents()), delay_s)
    runner = web.AppRunner(model.application(), access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    host, _, port = listen.rpartition(":")
    site = web.TCPSite(runner, host.strip("[]"), int(port))
    await site.start()
    return runner, f"{host}:{runner.addresses[0][1]}"


async def _run(listen: str, delay_s: float) -> None:
    runner, address = await start_http_model(listen, delay_s=delay_s)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    print(f"stand-in model listening on {address}", flush=True)
    await stopped.wait()
    await runner.cleanup()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sentinel.demo.http_model", description="A stand-in model server over HTTP."
    )
    parser.add_argument("--listen", default="127.0.0.1:8000", help="HOST:PORT, port 0 for a free one")
    parser.add_argument(
        "--delay-ms", type=float, default=0.0, help="wait before each answer, or event of a stream"
    )
    chosen = parser.parse_args(arguments)
    asyncio.run(_run(chosen.listen, chosen.delay_ms / 1000))


if __name__ == "__main__":
    main()
