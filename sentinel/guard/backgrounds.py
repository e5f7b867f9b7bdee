"""What stands around the texts of an exchange."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.core.background import Background
from sentinel.core.exchange import Role, Stage, TextPart


def backgrounds(
    stage: Stage, asked: Sequence[TextPart], parts: Sequence[TextPart], schema: str = ""
) -> list[Background]:
    """One for each of `parts`, of a request (which are then `asked` themselves) or of its answer, which is to
    follow `schema`."""
    question = next((part.text for part in reversed(asked) if part.role is Role.PROMPT), "")
    context = tuple(part.text for part in asked if part.role is Role.CONTEXT)
    system = "\n".join(part.text for part in asked if part.role is Role.SYSTEM)
    answers = [part.text for part in parts] if stage is Stage.OUTPUT else []
    return [
        Background(
            stage,
            part.role,
            question,
            context,
            system,
            tuple(answers[:number] + answers[number + 1 :]),
            schema,
            part.tokens,
        )
        for number, part in enumerate(parts)
    ]
