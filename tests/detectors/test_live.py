"""The live end of a text, against what the package `regex` says can still become a match."""

from __future__ import annotations

import random
from typing import Any

import pytest
import regex

from sentinel.detectors import _live
from sentinel.detectors._candidates import NotConvertible
from sentinel.detectors._live import Live, LiveExpression
from sentinel.detectors._recognizers import Catalogue
from sentinel.detectors._secret_rules import RULES
from sentinel.detectors._skeleton import skeleton
from sentinel.detectors.pii import OWN
from tests.detectors.generate import Generator

MAIL = r"\b[a-z.]+@[a-z]+(?:\.[a-z]+)+\b"
CARD = r"\b\d{4}(?:[ -]?\d{4}){3}\b"
KEY = r"-----BEGIN [A-Z ]{0,40}KEY-----[\s\S]{0,20000}?-----END"
LOOK_AHEAD_WITHOUT_LIMIT = ("InPanRecognizer", "UsHealthInsuranceMemberIdRecognizer")
WORD = r"\bhush is (?P<value>\w+)(?!\w)"


def live(*patterns: str) -> Live:
    return Live([LiveExpression(pattern) for pattern in patterns])


def tail(automaton: Live, text: str) -> str:
    return text[automaton.reach(skeleton(text), len(text), 0).every :]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to jane.d", "jane.d"),
        ("write to jane.doe@exam", "jane.doe@exam"),
        ("write to jane.doe@example.com", "jane.doe@example.com"),
        ("write to jane.doe@example.com ", ""),
        ("the quick ", ""),
        ("pay 4111 1111 11", "4111 1111 11"),
        ("pay 4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("pay 4111 1111 1111 1111.", "."),
        ("pay 4111, 1111 11", "1111 11"),
        ("it is hush is it", "hush is it"),
        ("it is hush, ", ""),
        ("-----BEGIN KEY-----\nall of this\nand that", "-----BEGIN KEY-----\nall of this\nand that"),
        ("日本語 jane", "jane"),
        ("", ""),
    ],
)
def test_what_may_still_become_a_match_is_live(text: str, expected: str) -> None:
    assert tail(live(MAIL, CARD, KEY, WORD), text) == expected


def test_a_match_that_looks_behind_its_end_is_undecided_until_that_is_there() -> None:
    ahead = live(r"ab(?!cde)")
    assert tail(ahead, "ab") == "ab"
    assert tail(ahead, "abcd") == "abcd"
    assert tail(ahead, "abxyz") == ""


def test_bounded_and_endless_expressions_are_told_apart() -> None:
    both = Live([LiveExpression(CARD), LiveExpression(MAIL, endless=True)])
    assert both.reach(b"ask jane1", 8, 0) == _live.Reach(8, 4)
    assert both.reach(b"x 4111", 6, 0) == _live.Reach(2, 2)


def test_nothing_begins_before_the_floor() -> None:
    text = "write to jane.doe@exam"
    assert live(MAIL).reach(skeleton(text), len(text), 12).every == 12


def test_an_endless_look_ahead_has_no_automaton() -> None:
    with pytest.raises(NotConvertible, match="looks ahead"):
        live(r"\d+(?=.*end)")


@pytest.mark.parametrize("states", [1, 3, 10_000])
def test_forgetting_states_changes_nothing(monkeypatch: pytest.MonkeyPatch, states: int) -> None:
    monkeypatch.setattr(_live, "MAX_STATES", states)
    automaton = live(MAIL, CARD, WORD)
    for text, expected in [("to jane.doe@ex", "jane.doe@ex"), ("pay 4111 1111 11", "4111 1111 11")] * 3:
        assert tail(automaton, text) == expected


def test_what_is_alive_is_followed_until_it_ends() -> None:
    automaton = live(r"https?://\S+", CARD)
    alive = automaton.alive(b"see https://a.b/c")
    assert [alive.go_on(ord(char)) for char in "de f"] == [True, True, False, False]
    assert not automaton.alive(b"nothing here").go_on(ord("a"))


def _real_expressions(catalogue: Catalogue) -> list[tuple[str, int]]:
    named = [r for name, r in catalogue.named().items() if name not in LOOK_AHEAD_WITHOUT_LIMIT]
    pii = [
        (pattern.regex, recognizer.flags) for recognizer in (*named, *OWN) for pattern in recognizer.patterns
    ]
    return pii + [(rule.pattern, int(regex.IGNORECASE) if rule.folds else 0) for rule in RULES]


def test_every_expression_that_ships_holds_back_all_that_may_match(catalogue: Catalogue) -> None:
    """Whatever beginning of a value ends a text is live; `regex` says what can still grow."""
    chooser, generator = random.Random(3), Generator(3)
    tried = 0
    for pattern, flags in _real_expressions(catalogue):
        automaton = Live([LiveExpression(pattern, bool(flags & regex.IGNORECASE))])
        compiled: Any = regex.compile(pattern, flags)
        for _ in range(6):
            try:
                value = generator.value(pattern)
            except Exception:  # syntax that only the package `regex` has
                continue
            text = f"so {value}"
            for cut in sorted({chooser.randint(3, len(text)) for _ in range(8)}):
                seen = text[:cut]
                start = next(
                    (at for at in range(cut) if compiled.fullmatch(seen, at, partial=True)), len(seen)
                )
                tried += 1
                assert automaton.reach(skeleton(seen), cut, 0).every <= start, (pattern, seen)
    assert tried > 3000
