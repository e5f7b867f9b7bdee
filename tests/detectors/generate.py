"""Random values of a regular expression: every recognizer is tried with values of its own patterns."""

from __future__ import annotations

import random
import re
from re import _constants as sre
from re import _parser
from typing import Any

_INLINE_FLAGS = re.compile(r"\(\?[a-zA-Z]+\)")
_CATEGORY = {
    sre.CATEGORY_DIGIT: "0123456789",
    sre.CATEGORY_SPACE: " ",
    sre.CATEGORY_WORD: "abcXYZ019_",
    sre.CATEGORY_NOT_SPACE: "abc/-1",
    sre.CATEGORY_NOT_WORD: " .,",
    sre.CATEGORY_NOT_DIGIT: "abc ",
}
_PRINTABLE = [chr(code) for code in range(33, 127)]


class Generator:
    """Assertions are not looked at: some of the values will not match."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._groups: dict[int, str] = {}

    def value(self, pattern: str) -> str:
        self._groups = {}
        return self._emit(list(_parser.parse(_INLINE_FLAGS.sub("", pattern))))

    def _emit(self, nodes: Any) -> str:
        return "".join(self._one(operator, argument) for operator, argument in nodes)

    def _one(self, operator: Any, argument: Any) -> str:
        if operator is sre.LITERAL:
            return chr(argument)
        if operator is sre.IN:
            return self._random.choice(self._members(argument))
        if operator is sre.ANY:
            return self._random.choice(_PRINTABLE)
        if operator is sre.BRANCH:
            return self._emit(self._random.choice(argument[1]))
        if operator in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            low, high, inner = argument
            times = self._random.randint(low, min(int(high), low + 8))
            return "".join(self._emit(inner) for _ in range(times))
        if operator is sre.SUBPATTERN:
            text = self._emit(argument[3])
            self._groups[argument[0]] = text
            return text
        if operator is sre.GROUPREF:
            return self._groups.get(argument, "")
        return ""

    def _members(self, items: Any) -> list[str]:
        found: list[str] = []
        negated = False
        for operator, argument in items:
            if operator is sre.NEGATE:
                negated = True
            elif operator is sre.LITERAL:
                found.append(chr(argument))
            elif operator is sre.RANGE:
                found += [chr(code) for code in range(argument[0], argument[1] + 1)]
            elif operator is sre.CATEGORY:
                found += _CATEGORY[argument]
        return [char for char in _PRINTABLE if char not in found] if negated else found
