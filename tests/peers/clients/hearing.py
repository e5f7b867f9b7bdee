"""Official HTTP clients driven by JSON lines: reads commands on stdin, writes one answer a line on stdout.

    {"op": "create", "path", "arguments", "take"}   what a method of the client, by its path, returned, or its
                                                    events (at most `take`, then it leaves)
    {"op": "stream", "path", "final", "arguments"}  the client's own helper for streams; `final` names the
                                                    method that tells all

An answer has `heard`, the body as it came over the wire, `headers`, and what was had before an `error`.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx2


class Hearing(httpx2.HTTPTransport):
    """Keeps the last answer's bytes and header fields."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = bytearray()
        self.headers: dict[str, str] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        self.heard, self.headers = bytearray(), dict(response.headers)
        response.stream = _Heard(response.stream, self.heard)
        return response


class _Heard(httpx2.SyncByteStream):
    def __init__(self, stream: Any, heard: bytearray) -> None:
        self._stream, self._heard = stream, heard

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            self._heard += piece
            yield piece

    def close(self) -> None:
        self._stream.close()


def create(client: Any, command: dict, told: dict) -> None:
    result = functools.reduce(getattr, command["path"].split("."), client)(**command["arguments"])
    if not command["arguments"].get("stream"):
        told["value"] = result.model_dump(mode="json")
        return
    with result:
        for event in result:
            told["events"].append(event.model_dump(mode="json"))
            if len(told["events"]) == command.get("take"):
                return


def stream(client: Any, command: dict, told: dict) -> None:
    with functools.reduce(getattr, command["path"].split("."), client)(**command["arguments"]) as result:
        told["events"] += [event.type for event in result]
        told["value"] = getattr(result, command["final"])().model_dump(mode="json", warnings=False)


OPERATIONS = {"create": create, "stream": stream}


def main(client_at: Callable[..., Any]) -> None:
    """`client_at(address, http_client, strict)` makes the client."""
    for line in sys.stdin:
        command = json.loads(line)
        hearing = Hearing()
        told: dict[str, Any] = {"events": []}
        http = httpx2.Client(transport=hearing, timeout=30)
        try:
            OPERATIONS[command["op"]](client_at(command["address"], http, command["strict"]), command, told)
        except Exception as error:
            told["error"] = type(error).__name__
            told["message"] = str(error)
            told["status"] = getattr(error, "status_code", None)
            told["body"] = getattr(error, "body", None)
        http.close()
        told |= {"heard": hearing.heard.decode(), "headers": hearing.headers}
        print(json.dumps(told), flush=True)
