"""HTTP in: what happens to a path, whether the worker's own HTTP server was called or Envoy."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from sentinel.adapters.base import HttpAdapter, MethodKind
from sentinel.instruments import REJECTED
from sentinel.proxy.driver import Driver
from sentinel.proxy.http_call import Call, Receive, Send
from sentinel.proxy.http_errors import JSON, ErrorWriter, HttpError, PlainErrors
from sentinel.proxy.http_headers import canonical
from sentinel.proxy.http_model import Model
from sentinel.proxy.http_pass import control, unscreened
from sentinel.proxy.http_unary import screened

# Of model servers: what tells of their state and never carries prompts.
_CONTROL = frozenset(
    ["/health", "/healthz", "/health/live", "/health/ready", "/livez", "/readyz", "/ping", "/metrics"]
    + ["/version", "/v1/models", "/models", "/v1/health", "/v1/health/live", "/v1/health/ready"]
)
_READS = ("GET", "HEAD")
_PLAIN = PlainErrors()


class HttpFront:
    """Every path of a model server."""

    def __init__(self, driver: Driver, adapters: Iterable[HttpAdapter]) -> None:
        self._driver = driver
        self._known: dict[str, tuple[HttpAdapter, str, MethodKind]] = {
            canonical(path): (adapter, path, kind)
            for adapter in adapters
            for path, kind in adapter.methods.items()
        }

    def before(self, upstream: Model) -> Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]:
        """The ASGI application that stands before `upstream`."""
        return functools.partial(self.serve, upstream)

    async def serve(self, upstream: Model, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """One request and its answer."""
        settings = self._driver.settings
        path = scope["path"]
        known = self._known.get(path) or self._known.get(canonical(path))
        errors: ErrorWriter = known[0] if known else _PLAIN
        call = Call(scope, receive, send, settings.limits.max_message_bytes)
        try:
            self._check_head(scope["headers"])
            call.check(scope["headers"])
            self._admit()
        except HttpError as error:
            await tell(call, errors, error)
            return
        try:
            await self._serve(upstream, call, known, errors)
        finally:
            self._driver.release()

    async def _serve(
        self,
        upstream: Model,
        call: Call,
        known: tuple[HttpAdapter, str, MethodKind] | None,
        errors: ErrorWriter,
    ) -> None:
        driver = self._driver
        if known is not None:
            adapter, method, kind = known
            if call.method == "POST" and kind is not MethodKind.CONTROL:
                return await screened(driver, upstream, adapter, method, call)
            if kind is MethodKind.CONTROL or call.method in ("OPTIONS", "HEAD"):
                return await self._control(upstream, call, errors)
        elif call.method in _READS and _is_control(call.path):
            return await self._control(upstream, call, errors)
        if driver.settings.unknown_paths == "refuse":
            told = "no adapter can screen this path, and unknown_paths is refuse"
            return await tell(call, errors, HttpError(404, "unknown_path", told))
        await unscreened(driver, upstream, call)

    async def _control(self, upstream: Model, call: Call, errors: ErrorWriter) -> None:
        try:
            await control(upstream, call)
        except HttpError as error:
            await tell(call, errors, error)

    def _admit(self) -> None:
        """Count the call in. Every admitted call must be released. Raises HttpError at a limit."""
        driver = self._driver
        limit = driver.settings.limits.max_concurrent_calls
        if driver.in_flight >= limit:
            REJECTED.labels("concurrency").inc()
            told = f"{limit} calls are in flight (limits.max_concurrent_calls)"
            raise HttpError(429, "overloaded", told, retry_after_s=1)
        if driver.recorder.full:
            REJECTED.labels("spool_full").inc()
            told = "the record spool is at its bound (spool.max_bytes) and spool.on_full is reject"
            raise HttpError(503, "overloaded", told, retry_after_s=1)
        driver.in_flight += 1

    def _check_head(self, headers: list[tuple[bytes, bytes]]) -> None:
        limit = self._driver.settings.limits.max_metadata_bytes
        if sum([len(name) + len(value) for name, value in headers]) > limit:
            told = f"the header fields are larger than {limit} bytes (limits.max_metadata_bytes)"
            raise HttpError(431, "too_large", told)


async def tell(call: Call, errors: ErrorWriter, error: HttpError) -> None:
    """An error of ours to a call that has no record; an answer that has begun is broken off."""
    if call.started:
        return
    headers = [JSON]
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    await call.answer(error.status, headers, errors.error_body(error.message, error.kind, {}))


def _is_control(path: str) -> bool:
    return path in _CONTROL or (path.startswith("/v1/models/") and path.count("/") == 3)
