"""What stands around a text, for detectors that compare it with something or mind who speaks."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from sentinel.core.exchange import Role, Stage, TokenProbability


class Background(msgspec.Struct, frozen=True):
    """The surroundings of one text of an exchange, as far as they are known.

    `question` is the caller's last prompt, `context` the documents handed to the model, `system` the system
    prompt, `siblings` the other answers to the same request (`n` > 1), `schema` the JSON Schema that the
    request wants the answer to follow, `tokens` how probable the model found what it said (as in `TextPart`).
    """

    stage: Stage = Stage.INPUT
    role: Role = Role.PROMPT
    question: str = ""
    context: tuple[str, ...] = ()
    system: str = ""
    siblings: tuple[str, ...] = ()
    schema: str = ""
    tokens: tuple[TokenProbability, ...] = ()


NO_BACKGROUND = Background()


class Passage(msgspec.Struct, frozen=True):
    """A text for a model to read from `start` on; what stands before is its left context."""

    text: str
    start: int = 0
    background: Background = NO_BACKGROUND


Reads = Callable[[Background], Background]


def reads_of(reader: object) -> Reads:
    """What a detector or a model reads of a background, as a background of its own: where that is equal, so
    is what it says of equal texts. It says so itself in `reads(background)`, or with `compares = False`,
    which means stage and role alone; otherwise it may read all."""
    own: Reads | None = getattr(reader, "reads", None)
    if own is not None:
        return own
    return everything_around if getattr(reader, "compares", True) else stage_and_role


def everything_around(background: Background) -> Background:
    return background


def stage_and_role(background: Background) -> Background:
    return Background(background.stage, background.role)
