"""Text that stands inside JSON text which itself stands in a string: a tool call's arguments, streamed in
fragments.

The reader decodes the escapes that could hide something (\\uXXXX, surrogate pairs, control characters, \\/)
and leaves `\\"` and `\\\\` as they are, so that an edit may be made anywhere without a second escaping. The
writer turns the result back into JSON text: it escapes control characters inside strings and nowhere else,
and puts quotes around what has replaced a number.
"""

from __future__ import annotations

import re

import msgspec

# An escape that the end of a fragment cuts: a backslash, \uX.., or a high surrogate without its other half.
_CUT = re.compile(r"\\(?:u(?:[0-9a-fA-F]{0,3}|[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?))?\Z")
_LONGEST_CUT = len(r"\ud83d\ude0")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL
)
_QUOTE_OR_ESCAPE = re.compile(r'["\\]')
_SHORT = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "/": "/"}
_KEPT_ESCAPED = {'"': '\\"', "\\": "\\\\"}


class JsonTextReader(msgspec.Struct):
    """Fragments of one JSON text, in their order. `kept` is an escape whose rest has not come yet."""

    in_string: bool = False
    kept: str = ""

    def read(self, fragment: str) -> str:
        """The fragment decoded, behind what was kept of the one before; an escape that it cuts is kept."""
        if self.kept:
            fragment, self.kept = self.kept + fragment, ""
        if "\\" not in fragment:
            if fragment.count('"') & 1:
                self.in_string = not self.in_string
            return fragment
        pieces: list[str] = []
        position = 0
        while found := _QUOTE_OR_ESCAPE.search(fragment, position):
            at = found.start()
            pieces.append(fragment[position:at])
            if not self.in_string or fragment[at] == '"':
                if fragment[at] == '"':
                    self.in_string = not self.in_string
                pieces.append(fragment[at])
                position = at + 1
            elif len(fragment) - at <= _LONGEST_CUT and _CUT.match(fragment, at):
                self.kept = fragment[at:]
                return "".join(pieces)
            else:
                escape = _ESCAPE.match(fragment, at)
                assert escape is not None
                pieces.append(_decoded(escape[0]))
                position = escape.end()
        pieces.append(fragment[position:])
        return "".join(pieces)


def _decoded(escape: str) -> str:
    kind = escape[1]
    if kind != "u" or len(escape) == 2:  # `\u` without its digits is no escape and stays
        return _SHORT.get(kind, escape)
    code = int(escape[2:6], 16)
    if len(escape) == 12:
        return chr(0x10000 + ((code - 0xD800) << 10) + int(escape[8:], 16) - 0xDC00)
    if 0xD800 <= code < 0xE000:
        return escape  # half a pair: no text has such a character
    return _KEPT_ESCAPED.get(chr(code), chr(code))


_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_STRUCTURE = re.compile(r"[ \t\r\n{}\[\],:]*")
# A value outside strings: its end is structure, but for a colon, which never follows one.
_BARE = re.compile(r'[^ \t\r\n{}\[\],"]*')
_BREAKS = frozenset(' \t\r\n{}[],:"')
_SCALAR = re.compile(
    r"-?[0-9]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]*)?|t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?"
)
_CONTROL = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


class JsonTextWriter(msgspec.Struct):
    """What a reader made of one JSON text, edited, back into JSON text, piece by piece.

    Where the last piece ended: `in_string`, there `escaped` right behind a backslash; outside strings `bare`
    in the middle of a number or a word, or `ours` in a string whose quotes are the writer's.
    """

    in_string: bool = False
    escaped: bool = False
    bare: bool = False
    ours: bool = False

    def follow(self, text: str) -> None:
        """What `write` would do, where its result is not asked for."""
        if "\\" in text or self.escaped or self.ours or not text:
            self.write(text)
            return
        if text.count('"') & 1:
            self.in_string = not self.in_string
        self.bare = not self.in_string and text[-1] not in _BREAKS

    def write(self, text: str) -> str:
        pieces: list[str] = []
        position = 0
        while position < len(text):
            step = self._string if self.in_string else self._outside
            piece, position = step(text, position)
            pieces.append(piece)
        return "".join(pieces)

    def _string(self, text: str, position: int) -> tuple[str, int]:
        if self.escaped:
            self.escaped = False
            return text[position], position + 1
        plain = _PLAIN.match(text, position)
        assert plain is not None
        end = plain.end()
        if end == len(text):
            return plain[0], end
        found = text[end]
        if found == '"':
            self.in_string = False
        elif found == "\\":
            self.escaped = True
        else:
            found = _CONTROL.get(found) or f"\\u{ord(found):04x}"
        return plain[0] + found, end + 1

    def _outside(self, text: str, position: int) -> tuple[str, int]:
        bare = _BARE.match(text, position)
        assert bare is not None
        goes_on = bare.end() == len(text)
        if self.ours:
            self.ours = goes_on
            return bare[0] + ("" if goes_on else '"'), bare.end()
        if self.bare:
            self.bare = goes_on
            return bare[0], bare.end()
        structure = _STRUCTURE.match(text, position)
        assert structure is not None
        if structure.end() > position:
            return structure[0], structure.end()
        if text[position] == '"':
            self.in_string = True
            return '"', position + 1
        if _SCALAR.fullmatch(bare[0]):
            self.bare = goes_on
            return bare[0], bare.end()
        self.ours = goes_on
        return f'"{bare[0]}' + ("" if goes_on else '"'), bare.end()


def is_json_text(text: str) -> bool:
    """Whether a tool's arguments that begin so are JSON text: an object, an array, a string. Others are plain
    text."""
    return text.lstrip(" \t\r\n")[:1] in ("{", "[", '"')
