"""One Hyperscan pass over a text for every expression of every pattern detector, and exact confirmation.

Expression  what a detector searches: an expression of the package `regex`, or a Hyperscan expression alone
Scanner     all expressions compiled, a database for each of their groups: `candidates(skeleton)` is the pass,
            `matches(...)` confirms
Work        how much was confirmed for one text, counted

What always holds: `matches` gives what `regex.finditer` gives over the whole text, in order, although it
reads only windows around candidates. `_candidates` says why a window suffices. The bounds that keep the
work linear in the length of the text: where an expression is unlimited to the left, a match begins at most
MAX_HEAD characters before its candidate (a longer e-mail local part is found from there on); windows of
unlimited expressions join up to MAX_WINDOW characters, and grow only along a match that was found.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hyperscan
import msgspec
import regex

from sentinel.detectors import _cache, _candidates, _skeleton
from sentinel.detectors._candidates import UNBOUNDED, CandidateForm, NotConvertible, candidate_form
from sentinel.detectors._databases import compiled, loaded, processor
from sentinel.detectors._live import LiveExpression

_SHARED_FLAGS = int(re.IGNORECASE | re.MULTILINE | re.DOTALL)  # of equal value in both
_CLASS = re.compile(r"(\\.)|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)  # or, as a group, what is escaped
# What `re` warns of in a class, for it may mean an operation on sets some day. Such a warning cannot be
# caught: how they are treated is the whole process's, and other threads load their libraries meanwhile.
_SET = re.compile(r"^\[\[|--|&&|~~|\|\|")
_BRACE = re.compile(r"(?<!\\)\{(?![0-9]+(?:,[0-9]*)?\}|,[0-9]+\})")

_log = logging.getLogger(__name__)

FORMAT = 2
MAX_HEAD = 256
MAX_WINDOW = 1024
_SHORT = 40  # a window this short is read as it is
_BEFORE = 8  # characters ahead of a start that may decide whether something begins there
_LOOK = 2  # a match that ends this close to its window's end may have been cut by it


class Expression(msgspec.Struct, frozen=True):
    """`pattern` with `flags` of the package `regex`; or, `raw`, a Hyperscan expression that nothing
    confirms. `live` says of a raw one what may still become a match, and `look_ahead` how many characters
    behind are judged with it (see `_live`). Those of a `group` are searched together, for the sake of speed
    alone."""

    pattern: str
    flags: int = 0
    raw: bool = False
    live: str = ""
    look_ahead: int = 1
    group: int = 0


class Work(msgspec.Struct):
    """What confirming one text cost: windows read by expressions, their characters, phone candidates
    parsed."""

    windows: int = 0
    characters: int = 0
    phones: int = 0


class _Compiled(msgspec.Struct, frozen=True):
    forms: tuple[CandidateForm, ...]
    databases: tuple[bytes, ...]


class _Searches(msgspec.Struct, frozen=True):
    """One expression compiled."""

    everywhere: Any
    on_any: Any
    on_ascii: Any


Candidates = dict[int, list[int]]


def _collect(expression: int, _start: int, end: int, _flags: int, found: Candidates) -> None:
    if expression in found:
        found[expression].append(end)
    else:
        found[expression] = [end]


class Scanner:
    """Immutable after construction and safe to use from several threads (Hyperscan scratch is per thread)."""

    def __init__(self, expressions: Sequence[Expression], cache_dir: Path) -> None:
        self._expressions = tuple(expressions)
        compiled, self._databases = _load(self._expressions, cache_dir)
        self._forms = compiled.forms
        self._always = [i for i, form in enumerate(self._forms) if not form.expression]
        self._regexes: list[_Searches | None] = [None] * len(self._forms)
        self._stops: list[Any] = [None] * len(self._forms)
        self._local = threading.local()

    def candidates(self, skeleton: bytes, start: int = 0) -> Candidates:
        """Expression index -> ends of candidates, ascending, of all matches that begin at `start` or later;
        there may be more."""
        found: Candidates = {}
        ahead = start - _BEFORE
        if ahead <= 0:
            self._scan(skeleton, found)
        else:
            self._scan(skeleton[ahead:], found)
            found = {each: [end + ahead for end in ends] for each, ends in found.items()}
        for expression in self._always:
            found[expression] = [len(skeleton)]
        return found

    def silent(self, skeleton: bytes, start: int, end: int) -> bool:
        """Whether `candidates` would find nothing in `skeleton[:end]` from `start` on."""
        if self._always:
            return False
        found: Candidates = {}
        self._scan(skeleton[max(0, start - _BEFORE) : end], found)
        return not found

    def _scan(self, skeleton: bytes, found: Candidates) -> None:
        try:
            scans = self._local.scans
        except AttributeError:
            scans = self._local.scans = [(each.scan, hyperscan.Scratch(each)) for each in self._databases]
        for scan, scratch in scans:
            scan(skeleton, _collect, 0, found, scratch)

    def live_expression(self, index: int) -> LiveExpression:
        """The expression for the automaton of what may still become a match."""
        expression = self._expressions[index]
        ignore_case = bool(expression.flags & regex.IGNORECASE)
        endless = self._forms[index].head == UNBOUNDED
        pattern = expression.live if expression.raw else expression.pattern
        return LiveExpression(pattern, ignore_case, expression.look_ahead, endless)

    def matches(
        self, index: int, text: str, skeleton: bytes, ends: list[int], work: Work, begin: int = 0
    ) -> list[Any]:
        """The matches of expression `index` in `text` from `begin` on, given the ends of its candidates."""
        form = self._forms[index]
        if not form.expression:
            return self._everywhere(index, text, work, begin)
        compiled = self._regexes[index] or self._compile(index)
        search = compiled.on_ascii if text.isascii() else compiled.on_any
        found: list[Any] = []
        position = begin
        start = limit = 0
        last = done = -1
        count = len(ends)
        alone = 0 if UNBOUNDED in (form.head, form.tail) else form.head + form.tail + _LOOK
        for k, end in enumerate(ends):
            if end <= position or k <= done:
                continue
            if k > last and alone and (k + 1 == count or ends[k + 1] - end > alone):
                # Most often; the same as below with less ado.
                last = k
                start = end - form.head
                if start < position:
                    start = position
                elif form.head >= _SHORT:
                    start = self._window_start(index, form, skeleton, position, end)
                limit = end + form.tail + _LOOK
                if limit > len(text):
                    limit = len(text)
            elif k > last:
                start = self._window_start(index, form, skeleton, position, end)
                last, limit = self._window_end(index, form, skeleton, ends, k, start)
            else:
                start = max(start, position, end - form.head if form.head != UNBOUNDED else 0)
            match = _search(search, text, start, limit, work)
            if match is None:
                done = last
            else:
                found.append(match)
                position = match.end()
        return found

    def compile_all(self) -> None:
        """Have every expression ready that the first candidate of its kind would otherwise wait for."""
        for index, expression in enumerate(self._expressions):
            if not expression.raw:
                self._compile(index)

    def _everywhere(self, index: int, text: str, work: Work, begin: int) -> list[Any]:
        """For an expression without a candidate form. Presidio drops empty matches as well."""
        work.windows += 1
        work.characters += len(text)
        found = (self._regexes[index] or self._compile(index)).everywhere(text, begin)
        return [match for match in found if match.end() > match.start()]

    def _window_start(self, index: int, form: CandidateForm, skeleton: bytes, position: int, end: int) -> int:
        start = max(position, end - (MAX_HEAD if form.head == UNBOUNDED else form.head))
        if end - start < _SHORT or not form.stops:
            return start
        if " " in form.stops:
            space = skeleton.rfind(b" ", start, end)
            if end - space < _SHORT:
                return max(start, space + 1)
        stop = self._stop_searches(index)[0].search(skeleton, start, end)
        return stop.end() if stop else start

    def _window_end(
        self, index: int, form: CandidateForm, skeleton: bytes, ends: list[int], k: int, start: int
    ) -> tuple[int, int]:
        """Index of the last candidate of the window and the window's end."""
        last = k
        limit = self._reach(index, form, skeleton, ends[last])
        endless = UNBOUNDED in (form.head, form.tail)
        head = MAX_HEAD if form.head == UNBOUNDED else form.head
        if not endless:
            span = head + form.tail + _LOOK
            while last + 1 < len(ends) and ends[last + 1] - ends[last] <= span:
                last += 1
            return last, min(len(skeleton), ends[last] + form.tail + _LOOK)
        while last + 1 < len(ends) and ends[last + 1] - head <= limit:
            if ends[last + 1] - start > MAX_WINDOW:
                break
            last += 1
            if ends[last] >= limit or form.tail != UNBOUNDED:
                limit = self._reach(index, form, skeleton, ends[last])
        return last, limit

    def _reach(self, index: int, form: CandidateForm, skeleton: bytes, end: int) -> int:
        """Where nothing that belongs to a match with a candidate at `end` can lie any more."""
        if form.tail != UNBOUNDED:
            return min(len(skeleton), end + form.tail + _LOOK)
        limit = min(len(skeleton), end + MAX_WINDOW)
        stop = self._stop_searches(index)[1].search(skeleton, end, limit) if form.stops else None
        return min(len(skeleton), stop.end() + _LOOK) if stop else limit

    def _stop_searches(self, index: int) -> tuple[Any, Any]:
        """The last and the first character of a stretch that cannot be part of a match."""
        if self._stops[index] is None:
            members = b"[" + regex.escape(self._forms[index].stops).encode() + b"]"
            self._stops[index] = (regex.compile(b"(?r)" + members), re.compile(members))
        return self._stops[index]  # type: ignore[no-any-return]

    def _compile(self, index: int) -> _Searches:
        expression = self._expressions[index]
        compiled = regex.compile(expression.pattern, expression.flags)
        quicker = _of_standard_library(expression) or compiled
        made = self._regexes[index] = _Searches(compiled.finditer, compiled.search, quicker.search)
        return made


def _of_standard_library(expression: Expression) -> Any:
    """The same for the module `re`, which takes half the time and on ASCII text means the same by an
    expression, if it takes it at all (`regex` reads a brace that is no repeat as fuzzy matching)."""
    pattern = expression.pattern
    if not pattern.isascii() or expression.flags & ~_SHARED_FLAGS:
        return None
    classes = [found.group() for found in _CLASS.finditer(pattern) if found[1] is None]
    if _BRACE.search(_CLASS.sub(r"\1", pattern)) or any(map(_SET.search, classes)):
        return None
    try:
        return re.compile(pattern, expression.flags | re.ASCII)
    except re.error:
        return None


def _search(search: Any, text: str, start: int, limit: int, work: Work) -> Any:
    """The first match that starts in the window, at its true length."""
    wide = limit
    while True:
        match = search(text, start, wide)
        work.windows += 1
        if match is None:
            work.characters += wide - start
            return None
        begin, end = match.span()
        work.characters += end - start
        if begin >= limit:
            return None
        if end + _LOOK <= wide or wide >= len(text):
            return match
        wide = min(len(text), wide + 4 * (wide - begin) + MAX_WINDOW)


def _load(expressions: tuple[Expression, ...], cache_dir: Path) -> tuple[_Compiled, list[Any]]:
    path = cache_dir / f"patterns-{_digest(expressions)}.bin"
    return _cache.once(path, "patterns-*.*", _parsed, lambda: _made(expressions))


def _parsed(payload: bytes) -> tuple[_Compiled, list[Any]] | None:
    try:
        kept = msgspec.msgpack.decode(payload, type=_Compiled)
        return kept, loaded(kept.databases)
    except (msgspec.DecodeError, msgspec.ValidationError, hyperscan.error):
        return None


def _made(expressions: tuple[Expression, ...]) -> tuple[tuple[_Compiled, list[Any]], bytes]:
    _log.info("compiling patterns, some seconds")
    made = _build(expressions)
    return (made, loaded(made.databases)), msgspec.msgpack.encode(made)


def _digest(expressions: tuple[Expression, ...]) -> str:
    """Differs whenever the compiled form may: expressions, what makes candidates of
    them, Hyperscan, and the processor it compiled for."""
    makers = [Path(module.__file__ or "").read_bytes() for module in (_candidates, _skeleton)]
    versions = [importlib.metadata.version(package) for package in ("hyperscan", "regex")]
    told = msgspec.msgpack.encode((FORMAT, versions, makers, processor(), expressions))
    return hashlib.sha256(told).hexdigest()[:24]


def _build(expressions: tuple[Expression, ...]) -> _Compiled:
    forms = tuple(_form(expression) for expression in expressions)
    groups: dict[int, list[int]] = {}
    for index, (expression, form) in enumerate(zip(expressions, forms, strict=True)):
        if form.expression:
            groups.setdefault(expression.group, []).append(index)
    databases: list[bytes] = []
    for _, indices in sorted(groups.items()):
        group = [(index, forms[index].expression, _flags(forms[index])) for index in indices]
        databases.append(hyperscan.dumpb(compiled(group)))
    return _Compiled(forms, tuple(databases))


def _flags(form: CandidateForm) -> int:
    return int(hyperscan.HS_FLAG_CASELESS if form.ignore_case else 0) | int(hyperscan.HS_FLAG_DOTALL)


def _form(expression: Expression) -> CandidateForm:
    """The candidate form, or one that asks to read every text when Hyperscan cannot take the expression."""
    if expression.raw:
        return CandidateForm(expression.pattern, bool(expression.flags & regex.IGNORECASE), 0, 0, "")
    try:
        form = candidate_form(expression.pattern, bool(expression.flags & regex.IGNORECASE))
        probe = hyperscan.Database()
        probe.compile(expressions=[form.expression.encode()], ids=[0], flags=[_flags(form)])
        return form
    except (NotConvertible, hyperscan.error):
        return CandidateForm("", False, UNBOUNDED, UNBOUNDED, "")
