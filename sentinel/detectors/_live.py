"""How much of the end of a text may still become part of a match: what a token stream has to hold back.

Every expression is an automaton whose positions each consume one character of the skeleton (Glushkov's
construction; see `_candidates` for the alphabet). A stretch at the end of a text is *live* when it is the
beginning of some match that is not decided yet: it can still grow, or something behind it still has to be
looked at. Reading backwards from the end, a stretch is live while some run of positions explains all of it,
and a match may begin wherever such a run reaches a first position. So one walk over the end of the text tells
the earliest live beginning for all expressions together; on prose it is over after a word.

What always holds: whatever the text goes on with, no match that is undecided begins before
`reach(skeleton, end, floor)`, and where that is `end` itself, no match of the whole text spans `end`. The
automata know no assertions and take long counted repeats for endless ones: both only hold more back.

The states of the backward automaton are made as texts ask for them and forgotten when there are too many.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from re import _constants as sre  # type: ignore[attr-defined]
from typing import Any

import msgspec

from sentinel.detectors._candidates import REPEATS, UNBOUNDED, NotConvertible, Parsed, parsed

MAX_COPIES = 24  # of a counted repeat; one that goes further is taken for endless
MAX_STATES = 6_000  # about a kilobyte each
WIDE = 100  # of 128 characters: a class that holds more lets nearly anything pass
_MANY = int(sre.MAXREPEAT)


class LiveExpression(msgspec.Struct, frozen=True):
    """An expression of the package `regex`. `look_ahead`: how many characters behind a match are judged with
    it, where that is more than the expression itself looks at. `endless`: without a bound to the left, so
    that the scanner cuts its matches off there (`_patterns.MAX_HEAD`)."""

    pattern: str
    ignore_case: bool = False
    look_ahead: int = 1
    endless: bool = False


class _Span(msgspec.Struct, frozen=True):
    """Positions at which a sub-expression can begin and end, as bits; `empty`: it can match nothing."""

    first: int
    last: int
    empty: bool


_NOTHING = _Span(0, 0, True)


class _Positions:
    """The positions of all expressions: what each consumes, and which may stand before it."""

    def __init__(self) -> None:
        self.before: list[int] = []
        self.consuming = [0] * 128  # character -> positions

    def add(self, members: Iterable[int]) -> int:
        bit = 1 << len(self.before)
        self.before.append(0)
        for char in members:
            self.consuming[char] |= bit
        return bit

    def follow(self, earlier: int, later: int) -> None:
        """Let every position of `earlier` stand before every one of `later`."""
        for position in _bits(later):
            self.before[position] |= earlier

    def join(self, left: _Span, right: _Span) -> _Span:
        self.follow(left.last, right.first)
        return _Span(
            left.first | (right.first if left.empty else 0),
            right.last | (left.last if right.empty else 0),
            left.empty and right.empty,
        )


class _Builder:
    """Puts one expression's positions beside the others'."""

    def __init__(self, positions: _Positions, expression: Parsed) -> None:
        self._positions = positions
        self._expression = expression

    def build(self) -> int:
        """Its first positions."""
        whole = self._sequence(self._expression.nodes)
        looks = self._expression.look_ahead
        if looks == UNBOUNDED:
            raise NotConvertible("it looks ahead without a limit")
        for _ in range(looks - 1):  # a match is undecided until all that it looks at is there
            whole = self._positions.join(whole, self._one(range(128)))
        return whole.first

    def _one(self, members: Iterable[int]) -> _Span:
        bit = self._positions.add(members)
        return _Span(bit, bit, False)

    def _sequence(self, nodes: Iterable[Any]) -> _Span:
        whole = _NOTHING
        for operator, argument in nodes:
            whole = self._positions.join(whole, self._node(operator, argument))
        return whole

    def _node(self, operator: Any, argument: Any) -> _Span:
        members = self._expression.members(operator, argument)
        if members is not None:
            return self._one([ord(char) for char in members])
        if operator in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
            return _NOTHING
        if operator is sre.BRANCH:
            return _either([self._sequence(branch) for branch in argument[1]])
        if operator in REPEATS:
            return self._repeat(*argument)
        if operator is sre.SUBPATTERN:
            return self._sequence(argument[3])
        if operator is sre.ATOMIC_GROUP:
            return self._sequence(argument)
        if operator is sre.GROUPREF:
            return _either([_NOTHING, self._sequence(self._expression.group(argument))])
        raise NotConvertible(f"it uses {operator}")

    def _repeat(self, low: int, high: int, inner: Any) -> _Span:
        if high >= _MANY or high > MAX_COPIES:
            loop = self._sequence(inner)
            self._positions.follow(loop.last, loop.first)
            return _Span(loop.first, loop.last, loop.empty or low == 0)
        whole = _NOTHING
        for number in range(high):
            copy = self._sequence(inner)
            whole = self._positions.join(whole, _Span(copy.first, copy.last, copy.empty or number >= low))
        return whole


def _either(spans: list[_Span]) -> _Span:
    first = last = 0
    for span in spans:
        first |= span.first
        last |= span.last
    return _Span(first, last, any(span.empty for span in spans))


class Reach(msgspec.Struct, frozen=True, gc=False):
    """Where the earliest live match may begin: of the expressions that are not endless, and of all; the end
    of the text when none is live."""

    bounded: int
    every: int


class _State:
    """Positions that explain what was read. `begins`, `begins_bounded`: a match of some expression, or of
    one whose matches are bounded on the left, may begin here."""

    __slots__ = ("before", "begins", "begins_bounded", "following")

    def __init__(self, before: int, begins: bool, begins_bounded: bool) -> None:
        self.before = before
        self.begins = begins
        self.begins_bounded = begins_bounded
        self.following: dict[int, _State | None] = {}


class _Automaton:
    """Some expressions, read backwards. Threads may share it: at worst they make a state twice."""

    def __init__(self, expressions: Iterable[tuple[LiveExpression, Parsed]]) -> None:
        positions = _Positions()
        self._bounded = self._endless = 0
        for expression, tree in expressions:
            first = _Builder(positions, tree).build()
            if expression.endless:
                self._endless |= first
            else:
                self._bounded |= first
        self._consuming = positions.consuming
        # Nearly every position follows its neighbour or itself, which a shift tells for all of them at once.
        self._chained = self._looping = self._others = 0
        self._before: dict[int, int] = {}
        for place, before in enumerate(positions.before):
            bit = 1 << place
            self._chained |= bit if before & (bit >> 1) else 0
            self._looping |= bit & before
            rest = before & ~bit & ~(bit >> 1)
            if rest:
                self._others |= bit
                self._before[place] = rest
        self._leading = 0  # positions that others than these two follow
        self._after: dict[int, int] = {}
        for place, rest in self._before.items():
            for earlier in _bits(rest):
                self._leading |= 1 << earlier
                self._after[earlier] = self._after.get(earlier, 0) | 1 << place
        self._states: dict[int, _State] = {}
        self._behind: dict[int, int] = {}
        self._start = _State((1 << len(positions.before)) - 1, False, False)

    def reach(self, skeleton: bytes, end: int, floor: int) -> tuple[int, int]:
        state = self._start
        bounded = every = end
        for place in range(end - 1, floor - 1, -1):
            char = skeleton[place]
            following = state.following
            found = following[char] if char in following else self._step(state, char)
            if found is None:
                break
            state = found
            if state.begins:
                every = place
                if state.begins_bounded:
                    bounded = place
        return bounded, every

    def earliest(self, skeleton: bytes, end: int, floor: int) -> int:
        """The second of `reach`, which most texts ask for alone, with every message of a stream."""
        state = self._start
        every = place = end
        while place > floor:
            place -= 1
            char = skeleton[place]
            following = state.following
            found = following[char] if char in following else self._step(state, char)
            if found is None:
                break
            if found.begins:
                every = place
            state = found
        return every

    def follow(self, now: int, char: int, *, new: bool) -> int:
        """The positions behind `now` that may consume `char`; with `new`, a match may also begin there."""
        if not now and not new:
            return 0
        after = self._behind.get(now)
        if after is None:
            after = self._followers(now)
            if len(self._behind) >= MAX_STATES:
                self._behind = {}
            self._behind[now] = after
        if new:
            after |= self._bounded | self._endless
        return after & self._consuming[char]

    def opening(self) -> re.Pattern[bytes]:
        """What every live stretch begins with: its first three characters, or as many as there are. Cheaper
        to look for than to walk back, and on most text it is not there."""
        positions = self._bounded | self._endless
        classes: list[bytes] = []
        for _ in range(3):
            members = bytes(char for char in range(128) if self._consuming[char] & positions)
            classes.append(b"[" + re.escape(members) + b"]" if members else b"(?!)")
            positions = self._followers(positions)
        one, two, three = classes
        return re.compile(one + b"(?:\\Z|" + two + b"(?:\\Z|" + three + b"))", re.DOTALL)

    def _followers(self, now: int) -> int:
        after = (now << 1) & self._chained | now & self._looping
        for place in _bits(now & self._leading):
            after |= self._after[place]
        return after

    def _step(self, state: _State, char: int) -> _State | None:
        now = state.before & self._consuming[char]
        known: _State | None = None
        if now:
            known = self._states.get(now)
            if known is None:
                before = (now & self._chained) >> 1 | now & self._looping
                for place in _bits(now & self._others):
                    before |= self._before[place]
                bounded = bool(now & self._bounded)
                known = _State(before, bounded or bool(now & self._endless), bounded)
                if len(self._states) >= MAX_STATES:
                    self._states = {}
                    self._start.following = {}
                self._states[now] = known
        state.following[char] = known
        return known


class Live:
    """The live ends of a set of expressions."""

    def __init__(self, expressions: Iterable[LiveExpression]) -> None:
        """Raises NotConvertible, naming the reason, where an expression has no automaton."""
        trees = [(each, parsed(each.pattern, each.ignore_case)) for each in expressions]
        for expression, tree in trees:
            if tree.look_ahead != UNBOUNDED:
                tree.look_ahead = max(tree.look_ahead, expression.look_ahead)
        # Expressions that let nearly anything pass by are live nearly everywhere, at every count of their
        # own: in one automaton with the others they would multiply its states.
        wide = [pair for pair in trees if pair[1].widest > WIDE]
        narrow = [pair for pair in trees if pair[1].widest <= WIDE]
        self._narrow = _Automaton(narrow)
        self._wide = _Automaton(wide)
        self._opening = self._wide.opening() if wide else None

    def earliest(self, skeleton: bytes, end: int, floor: int) -> int:
        """Where the earliest live match of `skeleton[floor:end]` may begin; the end when none is live."""
        every = self._narrow.earliest(skeleton, end, floor)
        if self._opening is not None and self._opening.search(skeleton, floor, end):
            return min(every, self._wide.earliest(skeleton, end, floor))
        return every

    def reach(self, skeleton: bytes, end: int, floor: int) -> Reach:
        """The live end of `skeleton[floor:end]`, in more detail."""
        bounded, every = self._narrow.reach(skeleton, end, floor)
        if self._opening is not None and self._opening.search(skeleton, floor, end):
            one, all_ = self._wide.reach(skeleton, end, floor)
            bounded, every = min(bounded, one), min(every, all_)
        return Reach(bounded, every)

    def alive(self, stretch: bytes) -> Alive:
        """The matches that may have begun in a stretch and go on behind it."""
        return Alive((self._narrow, self._wide), stretch)


class Alive:
    """Undecided matches, followed forwards without a memory of their text."""

    def __init__(self, automata: Sequence[_Automaton], stretch: bytes) -> None:
        self._automata = automata
        self._now = [0] * len(automata)
        for char in stretch:
            self.go_on(char)
            self.begin(char)

    @property
    def going(self) -> bool:
        """Whether any of them can still go on."""
        return any(self._now)

    def go_on(self, char: int) -> bool:
        """Keep those that can have this character next; whether there are any."""
        self._now = [
            each.follow(now, char, new=False) for each, now in zip(self._automata, self._now, strict=True)
        ]
        return self.going

    def begin(self, char: int) -> None:
        """Add those that may begin with this character."""
        self._now = [
            now | each.follow(0, char, new=True) for each, now in zip(self._automata, self._now, strict=True)
        ]


def _bits(mask: int) -> Iterable[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
