"""The HTTP front with everything behind it in one process: a protocol of the test's own, real rules, a
recorder that keeps what it is given, the server and the client."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ParamSpec

import uvloop

from sentinel.adapters.base import AnswerStream, MethodKind
from sentinel.adapters.openai import OpenAI, OpenAIConfig
from sentinel.core.errors import SpoolFull, WireError
from sentinel.core.exchange import Role, TextPart
from sentinel.core.record import Phase, Record
from sentinel.core.redact import Redactor
from sentinel.detectors.registry import DetectorsConfig
from sentinel.guard.screener import Screener, load_screener
from sentinel.proxy.driver import Driver
from sentinel.proxy.http_front import HttpFront
from sentinel.proxy.http_server import HttpServer
from sentinel.proxy.http_upstream import HttpUpstream
from sentinel.proxy.limits import KeepaliveConfig, LimitsConfig
from sentinel.proxy.settings import Settings
from sentinel.proxy.status import RefusalConfig
from sentinel.proxy.tls import ServerTlsConfig
from sentinel.proxy.upstream import UpstreamConfig
from tests.guard.streams import Lines

ECHO = "/v1/echo"
P = ParamSpec("P")


def on_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """The test on the event loop that workers have."""

    @functools.wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(60):
                await test(*arguments, **named)

        uvloop.run(bounded())

    return run


class Texts:
    """A JSON object whose one text lies under `key`."""

    streaming = False
    request_id = response_id = ""
    input_tokens, output_tokens = 3, 5

    def __init__(self, data: bytes, key: str) -> None:
        try:
            self.value: dict[str, Any] = json.loads(data)
            self.parts = [TextPart(Role.PROMPT, self.value[key], key)]
        except (ValueError, KeyError, TypeError):
            raise WireError(f"{key}: no such text") from None
        self.key = key
        self.unread: tuple[str, ...] = ()
        self.model = str(self.value.get("model", ""))
        self.streaming = bool(self.value.get("stream"))

    def encode(self, texts: Sequence[str]) -> bytes:
        return json.dumps({**self.value, self.key: texts[0]}).encode()


class Echo:
    """`{"ask": TEXT}` -> `{"say": TEXT}`, errors as `{"error": TEXT}`, streams as in tests.guard.streams."""

    name = "echo"
    methods: Mapping[str, MethodKind] = {ECHO: MethodKind.ASKED}

    def decode_request(self, method: str, data: bytes) -> Texts:
        return Texts(data, "ask")

    def decode_response(self, method: str, data: bytes, request: Any) -> Texts:
        return Texts(data, "say")

    def decode_error(self, method: str, data: bytes) -> Texts:
        return Texts(data, "error")

    def refusal_response(self, request: Any, text: str) -> bytes:
        return json.dumps({"say": text}).encode()

    def open_stream(self, method: str, request: Any) -> AnswerStream:
        return Lines()

    def error_body(self, message: str, kind: str, facts: Mapping[str, str]) -> bytes:
        return json.dumps({"error": message, "kind": kind, **facts}).encode()


ADAPTERS = (Echo(), OpenAI(OpenAIConfig()))


@dataclass
class Kept:
    """The recorder. `full` says that a record would find no room, `refuse` that it finds none; `on_write`
    sees each at the moment when it is written, `ended` is set by a final one."""

    full: bool = False
    refuse: bool = False
    needs_commit: bool = False
    records: list[Record] = field(default_factory=list)
    on_write: list[Callable[[Record], None]] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, record: Record) -> None:
        if self.refuse:
            raise SpoolFull("no room")
        self.records.append(record)
        for told in self.on_write:
            told(record)
        if record.phase is Phase.FINAL:
            self.ended.set()


@dataclass
class Indoors:
    """What stands behind any way in."""

    driver: Driver
    kept: Kept

    def settle(self, **changes: Any) -> None:
        """Other settings from now on."""
        old = self.driver.settings
        names = (
            "redactor",
            "limits",
            "refusal",
            "unknown_methods",
            "unknown_paths",
            "tenant_key",
            "record_content",
        )
        self.driver.settings = Settings(**{name: getattr(old, name) for name in names} | changes)

    @property
    def final(self) -> Record:
        """The one final record."""
        (record,) = [record for record in self.kept.records if record.phase is Phase.FINAL]
        return record


@dataclass
class House(Indoors):
    address: str
    server: HttpServer


def screener(folder: Path, cache: Path, rules: str) -> Screener:
    (folder / "rules.yaml").write_text(rules)
    return load_screener([folder / "rules.yaml"], DetectorsConfig(), cache)


def indoors(rules: Screener, bounds: LimitsConfig, config: UpstreamConfig) -> Indoors:
    settings = Settings(
        redactor=Redactor(b"key", "k"),
        limits=bounds,
        refusal=RefusalConfig(),
        unknown_methods="pass",
        unknown_paths="pass",
        tenant_key="x-tenant",
        record_content=False,
    )
    kept = Kept()
    driver = Driver(rules, settings, SimpleNamespace(config=config), kept, "0")  # type: ignore[arg-type]
    return Indoors(driver, kept)


@asynccontextmanager
async def house(
    rules: Screener,
    upstream: str,
    *,
    limits: Mapping[str, Any] | None = None,
    tls: ServerTlsConfig | None = None,
    prefix: str = "",
    over: UpstreamConfig | None = None,
) -> AsyncIterator[House]:
    config = over or UpstreamConfig(http=f"http://{upstream}{prefix}")
    bounds, keepalive = LimitsConfig(**(limits or {})), KeepaliveConfig()
    inside = indoors(rules, bounds, config)
    client = HttpUpstream(config, bounds, keepalive)
    front = HttpFront(inside.driver, ADAPTERS).before(client)
    server = HttpServer(front, "127.0.0.1:0", tls, bounds, keepalive)
    await server.start()
    try:
        yield House(inside.driver, inside.kept, server.address, server)
    finally:
        await server.stop(0.5)
        await client.close()
