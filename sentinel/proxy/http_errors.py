"""Errors of our own over HTTP: a status and a JSON body, in the form of the protocol that was called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from sentinel.core.decision import Decision
from sentinel.proxy.http_headers import Headers
from sentinel.proxy.status import decision_trailers


class ErrorWriter(Protocol):
    """What an HTTP adapter offers for this."""

    def error_body(self, message: str, kind: str, facts: Mapping[str, str]) -> bytes: ...


class HttpError(Exception):
    """Ends an exchange with an error that is ours to tell. `kind` is protocol-neutral: `malformed`,
    `too_large`, `unsupported`, `overloaded`, `upstream`, `unknown_path`, `internal`. The message holds no
    text of the exchange."""

    def __init__(self, status: int, kind: str, message: str, *, retry_after_s: int | None = None) -> None:
        self.status, self.kind, self.message = status, kind, message
        self.retry_after_s = retry_after_s
        super().__init__(message)


class PlainErrors:
    """The form for paths that no adapter knows."""

    def error_body(self, message: str, kind: str, facts: Mapping[str, str]) -> bytes:
        told: dict[str, object] = {"message": message, "type": kind}
        if facts:
            told["sentinel"] = dict(facts)
        return msgspec.json.encode({"error": told})


def refusal_facts(decision: Decision, exchange_id: str) -> dict[str, str]:
    """What a refused caller may know: the same as in gRPC's ErrorInfo."""
    return {
        "decision_id": decision.decision_id,
        "exchange_id": exchange_id,
        "rule": decision.rule,
        "stage": str(decision.stage.value),
        "policy": decision.policy,
    }


def decision_headers(decision: Decision | None, exchange_id: str) -> Headers:
    """Header fields of every answer to a call that was read: its record, and what was decided."""
    return [(name.encode(), str(value).encode()) for name, value in decision_trailers(decision, exchange_id)]


JSON: tuple[bytes, bytes] = (b"content-type", b"application/json")
