"""From a recognizer's regular expression to the expression that Hyperscan searches for candidates.

What always holds, for an expression P and its candidate form C, both over the skeleton of the text:
- every match of P contains, as its beginning, a stretch whose end C reports ("the head"): C may report more;
- a match starts at most `head` characters before such an end, and ends and looks at most `tail` characters
  after it (UNBOUNDED: no such limit);
- no character of `stops` lies inside a match, nor inside what its assertions look at.

How C is made wider than P, each step only adding candidates: assertions other than `\\b` and `^` are dropped
(Hyperscan has none; a leading negative look-behind of one character becomes "start or any other character");
a back-reference becomes its group's expression; groups, laziness and possessiveness vanish; classes become
explicit byte sets, which also carry IGNORECASE; repeats at the end shrink to their minimum, because
the first possible end is enough; likewise at the beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import msgspec

from sentinel.detectors._skeleton import STAND_INS, stand_in_of

UNBOUNDED = -1
_MANY = int(sre.MAXREPEAT)
_LONG_REPEAT = (
    64  # more is emitted as unlimited: a counter of that size makes Hyperscan's automaton too large
)
_ALPHABET = [chr(code) for code in range(128)]
_INLINE_FLAGS = re.compile(r"\(\?([a-zA-Z]+)\)")
_FOLDS = re.compile(r"\(\?[a-zA-Z]*i[a-zA-Z]*[:)\-]")
_GROUP_NAME = re.compile(r"\(\?P?<[A-Za-z_]\w*>")

# Characters beyond ASCII that try a class: digits, letters, marks, spaces, symbols, invisible ones.
_PROBES = "\u0663\uff15\u0967éÄяß中한\u0301\u00aa\xa0\u3000\u2028\x85€–“”…😀\u200b\ufeff\u00ad\u00b5\u03c9"

_CATEGORY = {
    sre.CATEGORY_DIGIT: (r"\d", False),
    sre.CATEGORY_NOT_DIGIT: (r"\d", True),
    sre.CATEGORY_SPACE: (r"\s", False),
    sre.CATEGORY_NOT_SPACE: (r"\s", True),
    sre.CATEGORY_WORD: (r"\w", False),
    sre.CATEGORY_NOT_WORD: (r"\w", True),
}


class CandidateForm(msgspec.Struct, frozen=True):
    """`expression` is empty when there is none: the recognizer's expression then reads every text."""

    expression: str
    ignore_case: bool
    head: int
    tail: int
    stops: str


class NotConvertible(ValueError):
    """An expression that this module cannot read."""


def candidate_form(pattern: str, ignore_case: bool) -> CandidateForm:
    """The candidate form of `pattern` (syntax of the package `regex`). Raises NotConvertible."""
    nodes, ignore_case = _parse(pattern, ignore_case)
    return _Converter(ignore_case).convert(nodes)


class Parsed:
    """An expression's syntax tree, for other forms that are made of it. `look_ahead` is how many characters
    after its end a match may look at, at least 1."""

    def __init__(self, nodes: list[Any], ignore_case: bool) -> None:
        self.nodes = nodes
        self._converter = _Converter(ignore_case)
        self._converter._collect(nodes)
        self.look_ahead = self._converter._look_ahead(nodes)

    @property
    def widest(self) -> int:
        """How many characters the widest class of a repeat has."""
        return self._widest(self.nodes, False)

    def _widest(self, nodes: Iterable[Any], repeated: bool) -> int:
        sizes = [0]
        for operator, argument in nodes:
            members = self.members(operator, argument) if repeated else None
            sizes.append(len(members) if members else 0)
            again = repeated or operator in REPEATS
            sizes += [self._widest(child, again) for child in _children(operator, argument)]
        return max(sizes)

    def members(self, operator: Any, argument: Any) -> set[str] | None:
        """The skeleton's characters that a node may consume; None for a node that is no character."""
        return self._converter._members(operator, argument) if operator in _ONE_CHARACTER else None

    def group(self, number: int) -> list[Any]:
        return self._converter.groups.get(number, [])


def parsed(pattern: str, ignore_case: bool) -> Parsed:
    """The syntax tree of `pattern`. Raises NotConvertible."""
    return Parsed(*_parse(pattern, ignore_case))


def _parse(pattern: str, ignore_case: bool) -> tuple[list[Any], bool]:
    ignore_case = ignore_case or _FOLDS.search(pattern) is not None
    if any("x" in flags for flags in _INLINE_FLAGS.findall(pattern)):
        raise NotConvertible("it is verbose")
    pattern = _INLINE_FLAGS.sub("", pattern)
    if "(?P=" not in pattern:
        pattern = _GROUP_NAME.sub("(", pattern)  # the package `regex` lets two groups share a name
    try:
        tree = _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise NotConvertible(str(error)) from None
    return list(tree), ignore_case


class _Converter:
    def __init__(self, ignore_case: bool) -> None:
        self.ignore_case = ignore_case
        self.groups: dict[int, list[Any]] = {}
        self.consumable: set[str] = set()
        self.known: dict[str, set[str]] = {}

    def convert(self, nodes: list[Any]) -> CandidateForm:
        self._collect(nodes)
        full = self._widths(nodes)[1]
        look_behind = self._leading_exclusion(nodes)
        core = _strip_end(nodes)
        head_width = self._widths(core)[1]
        least = self._widths(core)[0]
        if least < 1:
            raise NotConvertible("it can match nothing")
        expression = look_behind + self._emit(core if look_behind else _strip_start(_short_start(core)))
        looks = self._look_ahead(nodes)
        tail = UNBOUNDED if UNBOUNDED in (full, looks) or full >= _MANY else full - least + looks + 1
        head = UNBOUNDED if head_width == UNBOUNDED or head_width >= _MANY else head_width
        stops = "".join(char for char in _ALPHABET if char not in self.consumable)
        return CandidateForm(expression, self.ignore_case, head, tail, stops)

    # Characters

    def _members(self, operator: Any, argument: Any) -> set[str]:
        """The skeleton's characters that a one-character node may match."""
        key = repr((operator, argument))
        if key not in self.known:
            self.known[key] = self._find_members(operator, argument)
        return self.known[key]

    def _find_members(self, operator: Any, argument: Any) -> set[str]:
        if operator is sre.ANY:
            return set(_ALPHABET)
        if operator is sre.CATEGORY:
            operator, argument = sre.IN, [(operator, argument)]
        if operator is sre.LITERAL:
            operator, argument = sre.IN, [(operator, argument)]
        if operator is sre.NOT_LITERAL:
            operator, argument = sre.IN, [(sre.NEGATE, None), (sre.LITERAL, argument)]
        negated = any(item[0] is sre.NEGATE for item in argument)
        probes = [*_ALPHABET, *_PROBES, *_own_characters(argument)]
        members = {
            stand_in_of(char)
            for char in probes
            if negated != any(self._item_matches(item, char) for item in argument)
        }
        return members & set(_ALPHABET)

    def _item_matches(self, item: Any, char: str) -> bool:
        operator, argument = item
        if operator is sre.NEGATE:
            return False
        if operator is sre.CATEGORY:
            import regex

            shape, inverted = _CATEGORY[argument]
            return bool(regex.match(shape, char)) != inverted
        low, high = (argument, argument) if operator is sre.LITERAL else argument
        variants = {char, char.lower(), char.upper()} if self.ignore_case else {char}
        return any(len(variant) == 1 and low <= ord(variant) <= high for variant in variants)

    # Structure

    def _collect(self, nodes: Iterable[Any]) -> None:
        """Remember groups and every character that may lie in a match or in an assertion."""
        for operator, argument in nodes:
            if operator in _ONE_CHARACTER:
                self.consumable |= self._members(operator, argument)
            elif operator is sre.SUBPATTERN:
                self.groups[argument[0]] = list(argument[3])
            for child in _children(operator, argument):
                self._collect(child)

    def _widths(self, nodes: Iterable[Any]) -> tuple[int, int]:
        """Least and greatest number of characters; greatest UNBOUNDED when there is none."""
        least = most = 0
        for operator, argument in nodes:
            low, high = self._width(operator, argument)
            least += low
            most = UNBOUNDED if UNBOUNDED in (most, high) else most + high
        return least, most

    def _width(self, operator: Any, argument: Any) -> tuple[int, int]:
        if operator in _ONE_CHARACTER:
            return 1, 1
        if operator in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
            return 0, 0
        if operator is sre.BRANCH:
            pairs = [self._widths(branch) for branch in argument[1]]
            highs = [high for _, high in pairs]
            return min(low for low, _ in pairs), UNBOUNDED if UNBOUNDED in highs else max(highs)
        if operator in REPEATS:
            low, high = self._widths(argument[2])
            endless = argument[1] >= _MANY or high == UNBOUNDED
            return low * argument[0], UNBOUNDED if endless and high != 0 else high * min(argument[1], 10**6)
        if operator is sre.SUBPATTERN:
            return self._widths(argument[3])
        if operator is sre.ATOMIC_GROUP:
            return self._widths(argument)
        if operator is sre.GROUPREF:
            return 0, self._widths(self.groups.get(argument, []))[1]
        raise NotConvertible(f"it uses {operator}")

    def _look_ahead(self, nodes: Iterable[Any]) -> int:
        """How many characters after its end an expression may look at."""
        furthest = 1  # for \b and $
        for operator, argument in nodes:
            looks = [self._look_ahead(child) for child in _children(operator, argument)]
            if operator in (sre.ASSERT, sre.ASSERT_NOT) and argument[0] > 0:
                looks.append(self._widths(argument[1])[1])
            if UNBOUNDED in looks:
                return UNBOUNDED
            furthest = max([furthest, *looks])
        return furthest

    def _leading_exclusion(self, nodes: list[Any]) -> str:
        """`(?<![class])` at the beginning, as `(?:^|[other characters])`."""
        if not nodes or nodes[0][0] is not sre.ASSERT_NOT or nodes[0][1][0] > 0:
            return ""
        inner = list(nodes[0][1][1])
        if len(inner) != 1 or inner[0][0] not in _ONE_CHARACTER:
            return ""
        inverse = _Converter(self.ignore_case)._inverse(*inner[0])
        return f"(?:^|{_byte_class(inverse, self.ignore_case)})"

    def _inverse(self, operator: Any, argument: Any) -> set[str]:
        """The skeleton's characters that may stand for one that the node does not match."""
        items = argument if operator is sre.IN else [(operator, argument)]
        if operator is sre.NOT_LITERAL:
            return self._members(sre.LITERAL, argument)
        negated = any(item[0] is sre.NEGATE for item in items)
        rest = [item for item in items if item[0] is not sre.NEGATE]
        members = self._members(sre.IN, rest if negated else [(sre.NEGATE, None), *rest])
        return members if negated else members | (STAND_INS & members)

    # Hyperscan's syntax

    def _emit(self, nodes: Iterable[Any]) -> str:
        return "".join(self._emit_one(operator, argument) for operator, argument in nodes)

    def _emit_one(self, operator: Any, argument: Any) -> str:
        if operator in _ONE_CHARACTER:
            members = self._members(operator, argument)
            if not members:
                raise NotConvertible("it holds a class without members")
            return _byte_class(members, self.ignore_case)
        if operator is sre.AT:
            return r"\b" if argument is sre.AT_BOUNDARY else ""
        if operator in (sre.ASSERT, sre.ASSERT_NOT):
            return ""
        if operator is sre.BRANCH:
            return "(?:" + "|".join(self._emit(branch) for branch in argument[1]) + ")"
        if operator in REPEATS:
            low, high, inner = argument
            bounds = f"{{{low},}}" if high > _LONG_REPEAT else f"{{{low},{high}}}"
            return f"(?:{self._emit(inner)}){bounds}" if high else ""
        if operator is sre.SUBPATTERN:
            return f"(?:{self._emit(argument[3])})"
        if operator is sre.ATOMIC_GROUP:
            return f"(?:{self._emit(argument)})"
        if operator is sre.GROUPREF:
            return f"(?:{self._emit(self.groups.get(argument, []))})"
        raise NotConvertible(f"it uses {operator}")


_ONE_CHARACTER = frozenset((sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY, sre.CATEGORY))
_BOUNDARY = (sre.AT, sre.AT_BOUNDARY)
REPEATS = frozenset((sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT))


def _children(operator: Any, argument: Any) -> list[Any]:
    if operator is sre.BRANCH:
        return list(argument[1])
    if operator in REPEATS:
        return [argument[2]]
    if operator is sre.SUBPATTERN:
        return [argument[3]]
    if operator in (sre.ASSERT, sre.ASSERT_NOT):
        return [argument[1]]
    return [argument] if operator is sre.ATOMIC_GROUP else []


def _own_characters(items: Iterable[Any]) -> list[str]:
    """The characters beyond ASCII that a class names itself (the ends of a range stand for it)."""
    codes: list[int] = []
    for operator, argument in items:
        if operator is sre.LITERAL:
            codes.append(argument)
        elif operator is sre.RANGE:
            codes += argument
    chars = [chr(code) for code in codes if code > 127]
    return [variant for char in chars for variant in (char, char.lower(), char.upper()) if len(variant) == 1]


def _byte_class(members: set[str], ignore_case: bool) -> str:
    """As short as can be: Hyperscan takes at most 16,000 characters of expression."""
    codes = sorted({ord(char.lower() if ignore_case else char) for char in members})
    if len(codes) == 1:
        return _escaped(codes[0])
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return (
        "["
        + "".join(
            _escaped(low) if low == high else f"{_escaped(low)}-{_escaped(high)}" for low, high in ranges
        )
        + "]"
    )


def _escaped(code: int) -> str:
    return chr(code) if chr(code).isalnum() else f"\\x{code:02x}"


def _strip_end(nodes: list[Any]) -> list[Any]:
    """Shrink what the expression ends with: the first possible end is enough."""
    while nodes:
        operator, argument = nodes[-1]
        if operator in (sre.ASSERT, sre.ASSERT_NOT):
            nodes = nodes[:-1]
        elif operator in REPEATS:
            low, _, inner = argument
            if low:
                return [
                    *nodes[:-1],
                    *[node for _ in range(low - 1) for node in inner],
                    *_strip_end(list(inner)),
                ]
            nodes = nodes[:-1]
        elif operator is sre.SUBPATTERN:
            inner = _strip_end(list(argument[3]))
            if inner:
                return [*nodes[:-1], (operator, (*argument[:3], inner))]
            nodes = nodes[:-1]
        else:
            return nodes
    return nodes


def _short_start(nodes: list[Any]) -> list[Any]:
    """Of a choice of stretches without end, as e-mail addresses begin with, the last character alone."""
    begins = nodes[1:] if nodes[:1] == [_BOUNDARY] else nodes
    if begins and begins[0][0] is sre.SUBPATTERN:
        opened = [*begins[0][1][3], *begins[1:]]
        shorter = _short_start(opened)
        return nodes if shorter is opened else shorter
    if len(begins) < 2 or begins[0][0] is not sre.BRANCH:
        return nodes
    lasts = [_last(branch) for branch in begins[0][1][1]]
    if not _endless(begins[:1]) or not all(lasts):
        return nodes
    return [(sre.BRANCH, (None, lasts)), *begins[1:]]


def _last(nodes: Any) -> list[Any]:
    """The character that the nodes end with, if it is one."""
    while nodes and nodes[-1][0] is sre.SUBPATTERN:
        nodes = nodes[-1][1][3]
    return [nodes[-1]] if nodes and nodes[-1][0] in _ONE_CHARACTER else []


def _endless(nodes: Iterable[Any]) -> bool:
    return any(
        (operator in REPEATS and argument[1] >= _MANY) or any(map(_endless, _children(operator, argument)))
        for operator, argument in nodes
    )


def _strip_start(nodes: list[Any]) -> list[Any]:
    """Shrink what the expression begins with: ends stay, and that is all a candidate tells."""
    while nodes:
        operator, argument = nodes[0]
        if operator in (sre.ASSERT, sre.ASSERT_NOT):
            nodes = nodes[1:]
        elif operator in REPEATS and argument[0] == 0:
            nodes = nodes[1:]
        elif operator in REPEATS:
            low, _, inner = argument
            return [*_strip_start(list(inner)), *[n for _ in range(low - 1) for n in inner], *nodes[1:]]
        elif operator is sre.SUBPATTERN:
            inner = _strip_start(list(argument[3]))
            if inner:
                return [(operator, (*argument[:3], inner)), *nodes[1:]]
            nodes = nodes[1:]
        else:
            return nodes
    return nodes
