"""Bounds of held-back text, for any text and any cutting: what is held stays within them, and what follows is
what the rule says."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.decision import Action, Cause
from sentinel.guard.commands import Cut, StreamCommand
from tests.guard.streams import element
from tests.guard.test_answer import MARGIN, Build, build, content, opened, session_of, unary
from tests.guard.texts import cuts, texts

__all__ = ["build"]  # a fixture

CHARS, MILLISECONDS = 64, 500
RULE = """
rules:
  - id: held
    level: medium
    stage: output
    detect: {detector: pii, type: [EMAIL_ADDRESS, URL, CREDIT_CARD, PHONE_NUMBER, IBAN_CODE], score: 0.4}
    action: redact
    max_holdback_chars: CHARS
    max_hold_ms: MILLISECONDS
    on_stall: STALL
    on_error: ERROR
"""
LONG = ["https://a.example/" + "b" * 90, "c" * 120 + "@example.com", "d" * 200, "4111 " * 30, "1" * 100]
LABEL = re.compile("<[A-Z_]+>")
Timed = list[tuple[str, float]]


def rule(stall: str) -> str:
    filled = RULE.replace("CHARS", str(CHARS)).replace("MILLISECONDS", str(MILLISECONDS))
    return filled.replace("STALL", stall).replace("ERROR", "open" if stall == "release" else "closed")


@st.composite
def timed(draw: Callable[..., float], text: str) -> Timed:
    """Pieces of a text with the seconds between them."""
    return [(piece, draw(st.sampled_from([0.0, 0.01, 0.3, 1.0]))) for piece in draw(cuts(text))]


@pytest.mark.parametrize("stall", ["redact", "block", "release"])
@settings(MARGIN, max_examples=60)
@given(data=st.data())
def test_held_back_text_is_bounded(build: Build, stall: str, data: st.DataObject) -> None:
    """S3, with S2 where the rule does not say `release`."""
    parts = [data.draw(texts(3)), data.draw(st.sampled_from(["", *LONG])), data.draw(texts(2))]
    text = " ".join(parts) if data.draw(st.booleans()) else "".join(parts)
    screener = build(rule(stall))
    session = session_of(screener)
    screen = opened(session)
    now, done = 0.0, list[StreamCommand]()
    for piece, pause in data.draw(timed(text)):
        now += pause
        while screen.deadline is not None and screen.deadline <= now:
            done += screen.tick(screen.deadline)
        done += screen.feed(element(piece), now)
        if done and isinstance(done[-1], Cut):
            break
        assert screen.length - screen.released <= CHARS
        assert screen.deadline is None or screen.deadline > now
    else:
        done += screen.close(now)
    assert session.output.decision is not None
    stalled = [hit for hit in session.output.decision.hits if hit.cause is Cause.STALLED]
    _, expected = unary(screener, text, "hi")
    assert expected is not None
    said = content(done)
    cut = isinstance(done[-1], Cut) if done else False
    assert cut is (stall == "block" and bool(stalled))
    if not stalled:
        assert said == expected
    elif stall == "block":
        assert expected.startswith(said)
        assert session.decision is not None and session.decision.action is Action.BLOCK
    elif stall == "redact":
        # What is left beside edited and withheld stretches is left of the whole too, in its order.
        at, left = 0, LABEL.sub("\0", expected)
        for rest in LABEL.split(said):
            found = left.find(rest, at)
            assert found >= 0, rest
            at = found + len(rest)
