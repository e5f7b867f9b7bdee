"""What a caller of the stand-in model asks for over HTTP, whatever the protocol."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sentinel.demo.library import Document, Library
from sentinel.demo.model import MODEL

_TOKEN = re.compile(r"\s*\S{1,6}|\s+$")
_MOST_CHOICES = 8
_numbers = itertools.count(1)

Event = tuple[str, dict[str, Any]]
"""Name ("" for none) and data of a server-sent event."""


class Invalid(Exception):
    """What the caller sent is no request for this model; `status` is HTTP's."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


class Asked(msgspec.Struct, frozen=True):
    """`told` holds what tools said so far, `tool` the one to call now: (name, argument's name)."""

    prompt: str
    told: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    tool: tuple[str, str] | None = None
    choices: int = 1
    thinks: bool = False

    def answer(self, library: Library) -> str:
        """From the caller's own documents where there are some."""
        given = [Document("", text) for text in (*self.documents, *self.told)]
        return (Library(given) if given else library).answer(self.prompt)

    @property
    def thought(self) -> str:
        return f"The question is: {self.prompt}" if self.thinks else ""


def arguments(asked: Asked, answer: str) -> str:
    """Of the tool's call, as JSON text that escapes what is not ASCII."""
    assert asked.tool is not None
    return json.dumps({asked.tool[1]: answer})


def pieces(text: str) -> list[str]:
    """As a model's tokens come, a few letters at a time."""
    return _TOKEN.findall(text)


def words(*texts: str) -> int:
    """The stand-in's count of tokens."""
    return sum(len(text.split()) for text in texts)


def identifier(prefix: str) -> str:
    return f"{prefix}-{next(_numbers):08}"


def check_model(request: Mapping[str, Any]) -> None:
    if request.get("model") != MODEL:
        raise Invalid(f"no such model is served here; there is {MODEL}", 404)


def how_many(request: Mapping[str, Any]) -> int:
    wanted = request.get("n") or 1
    if not isinstance(wanted, int) or not 1 <= wanted <= _MOST_CHOICES:
        raise Invalid(f"n must be 1 to {_MOST_CHOICES}")
    return wanted


def texts_in(content: Any) -> str:
    """A string, or the texts of content parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(part.get("text") or "" for part in content if isinstance(part, dict)).strip()
    return ""


def documents_in(request: Mapping[str, Any]) -> tuple[str, ...]:
    """`documents` as vLLM takes them: objects with a `text`."""
    return tuple(document.get("text", "") for document in request.get("documents") or [])


def first_argument(schema: Any) -> str:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return next(iter(properties), "text") if properties else "text"


def last_turn(messages: Any, tools: Sequence[str]) -> tuple[str, tuple[str, ...], bool]:
    """The last prompt of a user, what tools said after it, and whether the last word is the user's. `tools`
    are the roles in which tools speak."""
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        raise Invalid("messages must be a list of objects")
    prompt = ""
    told: list[str] = []
    for message in messages:
        text = texts_in(message.get("content"))
        if message.get("role") == "user" and text:
            prompt, told = text, []
        elif message.get("role") in tools:
            told.append(text)
    if not prompt:
        raise Invalid("there is no message of a user")
    return prompt, tuple(told), not told
