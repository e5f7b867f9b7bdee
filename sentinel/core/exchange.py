"""What a call says and where it goes: texts with roles, and the call's context."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Stage(StrEnum):
    """Which half of the exchange a text belongs to."""

    INPUT = "input"
    OUTPUT = "output"


class Role(StrEnum):
    """Who speaks in a text. `CONTEXT` is a document handed to the model (RAG), `ANSWER` what it generated."""

    SYSTEM = "system"
    PROMPT = "prompt"
    CONTEXT = "context"
    ANSWER = "answer"


# One of the tokens that a model made: where it lies in the text (offsets), and its natural log-probability.
TokenProbability = tuple[int, int, float]


class TextPart(msgspec.Struct, frozen=True, gc=False):
    """One text of a message.

    `path` names its place in the message, for people and records (`inputs[text_input][0]`); an adapter finds
    the place again by the part's index in the list that it returned. `quoted` text is JSON text (see
    core.quoting): what replaces a part of it is written as the inside of a JSON string. `tokens` are those
    of an answer whose probabilities the model server told, in their order; there may be gaps.
    """

    role: Role
    text: str
    path: str
    quoted: bool = False
    tokens: tuple[TokenProbability, ...] = ()


RESUMED = 1 << 32


class Channel(msgspec.Struct, frozen=True, order=True, gc=False):
    """One text of a streamed answer; channels are screened apart and never mix.

    `choice` counts the alternatives of one request (`n` > 1), `kind` says what the text is (`content`,
    `reasoning`, `refusal`, `arguments`, or the path of a field that has no such name), `index` which tool
    call, content block or output item of that kind. A text that ended and goes on all the same is a channel
    of its own, `RESUMED` further on.
    """

    choice: int = 0
    kind: str = "content"
    index: int = 0

    @property
    def resumes(self) -> Channel | None:
        """The channel whose text this one goes on with."""
        if self.index < RESUMED:
            return None
        return Channel(self.choice, self.kind, self.index - RESUMED)


class CallContext(msgspec.Struct, frozen=True):
    """What rules may match on besides the texts.

    `route` is the upstream's name in the config, `method` the full gRPC method (`/package.Service/Method`),
    `tenant` the value of the configured metadata key or "".
    """

    method: str
    route: str = "default"
    model: str = ""
    tenant: str = ""
    metadata: Mapping[str, str] = {}
