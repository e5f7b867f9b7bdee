"""What the HTTP interface has to know of a statement before the engine runs it. The engine's parser judges;
this only looks."""

from __future__ import annotations

import re
from typing import NamedTuple

_HEAD_BYTES = 64 * 1024
# Whatever may hold a keyword without meaning one: comments and quoted text; then words and brackets.
_TOKEN = re.compile(
    rb"/\*.*?\*/|--[^\n]*|'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"|[A-Za-z_]\w*|[(){};]",
    re.DOTALL,
)
_ANSWERING = frozenset(b"SELECT WITH SHOW DESCRIBE DESC EXPLAIN EXISTS CHECK VALUES FROM".split())


class _Word(NamedTuple):
    upper: bytes
    text: str
    depth: int
    start: int
    end: int


class Shape(NamedTuple):
    """How a statement is run.

    `answers`: it yields a result set, in `output_format`. An INSERT whose data follow in a format is cut in
    two:
    `insert_format` names it and the data start at byte `data_at` behind the statement, which ends at
    `statement_end`.
    """

    output_format: str
    inserts: bool = False
    answers: bool = False
    touches_files: bool = False
    insert_format: str = ""
    statement_end: int = 0
    data_at: int = 0


def examine(statement: bytes, default_format: str) -> Shape:
    words = _words(statement[:_HEAD_BYTES])
    verb = words[0].upper if words else b""
    if verb == b"INSERT":
        return _examine_insert(statement, words, default_format)
    if len(statement) > _HEAD_BYTES:
        words = _words(statement)
    return Shape(
        output_format=_named_format(statement, words) or default_format,
        answers=verb in _ANSWERING,
        touches_files=_pair(words, b"INTO", b"OUTFILE"),
    )


def _words(text: bytes) -> list[_Word]:
    """The words outside quotes and comments."""
    words: list[_Word] = []
    depth = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in b"({":
            depth += 1
        elif token in b")}":
            depth -= 1
        elif token[:1].isalpha() or token[:1] == b"_":
            words.append(_Word(token.upper(), token.decode(), depth, match.start(), match.end()))
    return words


def _examine_insert(statement: bytes, words: list[_Word], default_format: str) -> Shape:
    shape = Shape(default_format, inserts=True)
    for before, word, after in zip(words, words[1:], [*words[2:], None], strict=True):
        if word.depth:
            continue
        if word.upper in (b"SELECT", b"WITH", b"VALUES", b"WATCH"):
            return shape._replace(touches_files=_pair(words, b"INTO", b"OUTFILE"))
        if (before.upper, word.upper) == (b"FROM", b"INFILE"):
            return shape._replace(touches_files=True)
        if word.upper == b"FORMAT" and after:
            data_at = _data_start(statement, after.end)
            return shape._replace(insert_format=after.text, statement_end=word.start, data_at=data_at)
    return shape


def _data_start(statement: bytes, name_end: int) -> int:
    """Blanks and one line end part the format's name from the data (ClickHouse's ParserInsertQuery)."""
    at = name_end
    while statement[at : at + 1] in (b" ", b"\t", b"\f"):
        at += 1
    for blank in (b"\r", b"\n"):
        at += statement[at : at + 1] == blank
    return at


def _named_format(statement: bytes, words: list[_Word]) -> str:
    """The name behind a FORMAT that ends the statement (SETTINGS may follow), or "".

    A column may be called `format`, too.
    """
    outer = [word for word in words if word.depth == 0]
    for i in range(len(outer) - 2, -1, -1):
        word, name, *after = outer[i : i + 3]
        if word.upper == b"FORMAT":
            ends = not after or after[0].upper == b"SETTINGS"
            return name.text if ends and not statement[word.end : name.start].strip() else ""
    return ""


def _pair(words: list[_Word], first: bytes, second: bytes) -> bool:
    return any(one.upper == first and two.upper == second for one, two in zip(words, words[1:], strict=False))
