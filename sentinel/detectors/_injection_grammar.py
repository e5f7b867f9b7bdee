"""Attacks as expressions over word classes: linear in the text, without backtracking over characters.

Every word is replaced by the letter of its class (`_injection_words`), sentence ends and quotes by marks of
their own, and a few short expressions with bounded gaps run over that string, a tenth of the text's length.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from sentinel.detectors._injection_signs import ALL
from sentinel.detectors._injection_vocabulary import Vocabulary, looked_up, read
from sentinel.detectors._injection_words import QUOTE, UNSPACED
from sentinel.detectors._kernel import LIBRARY
from sentinel.detectors._normalise import Normalised, normalised

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sentinel.detectors._injection_kernel import Read

_MARKS = r"[.!?;\n…]+|[\"“”«»„`]"
_TOKEN = re.compile(rf"[^\W_](?:[\w@$'’.+-]{{0,30}}[\w])?|{_MARKS}")
# Scripts without blanks: known words, and what stands between them.
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_HAS_CJK = re.compile(f"[{_CJK}]")
_FIRST = "".join(sorted({word[0] for word in UNSPACED}))
_TOKEN_CJK = re.compile(
    rf"(?=[{_FIRST}])(?:{'|'.join(UNSPACED)})|[{_CJK}](?:(?![{_FIRST}])[{_CJK}]){{0,3}}"
    rf"|[^\W_{_CJK}](?:(?:[^\W{_CJK}]|[@$'’.+-]){{0,30}}[^\W{_CJK}])?|{_MARKS}|[「」『』]"
)


class Shape:
    """A text as classes: `letters[i]` is the class of `tokens[i]`, which has the number `numbers[i]` in the
    vocabulary and stands at `places[i]`. Most texts are harmless and nobody asks for tokens and places, so
    they are looked up when somebody does: `read` tells them where the kernel read the text, and `plain` where
    the text is another one without its disguises."""

    __slots__ = ("_places", "_plain", "_read", "_text", "_tokens", "letters", "numbers", "vocabulary")

    def __init__(
        self,
        vocabulary: Vocabulary,
        numbers: NDArray[np.int32],
        text: str,
        *,
        tokens: list[str] | None = None,
        places: list[tuple[int, int]] | None = None,
        plain: Normalised | None = None,
        read: Read | None = None,
    ) -> None:
        self.letters = vocabulary.letters.take(numbers).tobytes().decode("ascii")
        self.vocabulary = vocabulary
        self.numbers = numbers
        self._text = text
        self._tokens = tokens
        self._places = places
        self._read = read
        self._plain = plain

    @property
    def verbs_last(self) -> bool:
        """Whether it has letters of a language whose verbs come last."""
        return not self._text.isascii() and _LAST.search(self._text) is not None

    @property
    def tokens(self) -> list[str]:
        if self._tokens is None:
            self._tokens = [self._text[start:end] for start, end in self._found()]
        return self._tokens

    @property
    def places(self) -> list[tuple[int, int]]:
        if self._places is None:
            places = self._found()
            if self._plain is not None:
                places = [self._plain.original(*place) for place in places]
            self._places = places
        return self._places

    @property
    def signs(self) -> int:
        """Those of `_injection_signs`."""
        return ALL if self._read is None or self._plain is not None else self._read.signs

    @property
    def chars(self) -> int:
        """Of all tokens."""
        return sum(map(len, self.tokens)) if self._read is None else self._read.chars

    def _found(self) -> list[tuple[int, int]]:
        """Where the tokens are in the text without its disguises."""
        if self._read is None:
            return [match.span() for match in _tokens_of(self._text).finditer(self._text)]
        return [*zip(*self._read.spans.tolist(), strict=True)]

    def part(self, first: int, last: int) -> Shape:
        tokens, places = self.tokens[first:last], self.places[first:last]
        return Shape(self.vocabulary, self.numbers[first:last], "", tokens=tokens, places=places)


def _tokens_of(text: str) -> re.Pattern[str]:
    return _TOKEN if text.isascii() or not _HAS_CJK.search(text) else _TOKEN_CJK


def shape_of(text: str) -> Shape:
    """Of the text as it reads, without the disguises that Unicode offers."""
    seen = normalised(text)
    if seen is not None:
        text = seen.text
    if LIBRARY is not None:
        vocabulary, found = read(text)
        if found is not None:
            return Shape(vocabulary, found.numbers, text, plain=seen, read=found)
    tokens: list[str] = _tokens_of(text).findall(text)
    return Shape(*looked_up(tokens), text, tokens=tokens, plain=seen)


def shape_within(said: str, start: int, end: int) -> Shape:
    """Of what the stretch `start:end` of a text says in clear: all of it stands there."""
    shape = shape_of(said)
    places = [(start, end)] * len(shape.tokens)
    return Shape(shape.vocabulary, shape.numbers, said, tokens=shape.tokens, places=places)


class Pattern(msgspec.Struct, frozen=True):
    """One expression over class letters. `weight` is how sure it is alone, before the model has its say;
    `needs`: a letter without which it never matches, for looking for one letter is quick."""

    name: str
    type: str
    weight: float
    expression: str
    why: str
    needs: str = ""


_GAP = "[^.]"

PATTERNS = (
    Pattern(
        "set_aside_told",
        "OVERRIDE",
        0.9,
        rf"(?:V|W(?!R))(?:{_GAP}?[PSQY]{_GAP}{{0,3}}|{_GAP}{{1,3}}[PSY]{_GAP}{{0,2}})[OB]",
        "sets aside what was told before",
    ),
    Pattern(
        "set_aside_after",
        "OVERRIDE",
        0.85,
        rf"V{_GAP}{{0,4}}[OB]{_GAP}{{0,5}}[PUI]",
        "sets aside what was told before",
        "V",
    ),
    Pattern(
        "set_aside_all",
        "OVERRIDE",
        0.75,
        rf"[VW]{_GAP}{{0,2}}(?:Q{_GAP}{{0,4}}[PU]|Q(?=[.-]|$)|[-Q]?P(?=[.-]|$))",
        "sets aside everything before",
    ),
    Pattern(
        "told_is_void",
        "OVERRIDE",
        0.6,
        rf"[PSYQ]{_GAP}{{0,2}}[OB]{_GAP}{{0,4}}[NVW]",
        "calls what was told before void",
    ),
    Pattern(
        "new_told",
        "OVERRIDE",
        0.6,
        rf"J{_GAP}{{0,4}}U{_GAP}{{0,4}}[CFOB]",
        "gives new orders from now on",
        "J",
    ),
    Pattern("off_limits", "JAILBREAK", 0.8, rf"[WV]{_GAP}{{0,4}}[LB]", "switches limits off"),
    Pattern(
        "no_limits",
        "JAILBREAK",
        0.7,
        rf"N{_GAP}{{0,2}}[LBF]",
        "speaks of no limits",
        "N",
    ),
    Pattern(
        "never_refuse",
        "JAILBREAK",
        0.75,
        rf"(?:N{_GAP}{{0,3}}C|U{_GAP}{{0,3}}C{_GAP}{{0,3}}[QOI])",
        "forbids to refuse",
        "C",
    ),
    Pattern(
        "persona_free",
        "JAILBREAK",
        0.85,
        rf"(?:[UGA]{_GAP}{{0,8}}F|F{_GAP}{{0,2}}[AM])",
        "asks for a persona without limits",
        "F",
    ),
    Pattern(
        "you_are_now",
        "JAILBREAK",
        0.5,
        rf"(?:U{_GAP}J|J{_GAP}{{0,5}}U|J{_GAP}{{0,3}}G|G{_GAP}{{0,3}}A)",
        "gives a new identity",
    ),
    Pattern(
        "mode",
        "JAILBREAK",
        0.7,
        rf"(?:T{_GAP}{{0,3}}[HFSo]{_GAP}?M|[HFSo]M{_GAP}{{0,2}}T|[HFo]M|MH|T{_GAP}{{0,2}}M{_GAP}?[HFS])",
        "switches a mode on",
        "M",
    ),
    Pattern(
        "reveal_told",
        "PROMPT_EXTRACTION",
        0.8,
        rf"R{_GAP}{{0,5}}[YSP]{_GAP}{{0,2}}[OB]",
        "asks for what the model was told",
        "R",
    ),
    Pattern(
        "reveal_told_of",
        "PROMPT_EXTRACTION",
        0.6,
        rf"R{_GAP}{{0,4}}O[^.]{{0,2}}S",
        "asks for what the model was told",
        "R",
    ),
    Pattern(
        "reveal_above",
        "PROMPT_EXTRACTION",
        0.65,
        rf"R{_GAP}{{0,2}}[QX]{_GAP}{{0,3}}P",
        "asks for the text before",
        "R",
    ),
    Pattern(
        "what_told",
        "PROMPT_EXTRACTION",
        0.65,
        rf"E{_GAP}{{0,4}}Y{_GAP}{{0,2}}[SP]?[OB]",
        "asks what the model was told",
        "E",
    ),
    Pattern(
        "reveal_secret",
        "PROMPT_EXTRACTION",
        0.6,
        rf"(?:R{_GAP}{{0,6}}|E{_GAP}{{1,3}})(?:K|S[-K])",
        "asks for a secret",
    ),
    Pattern(
        "told_verbatim",
        "PROMPT_EXTRACTION",
        0.7,
        rf"(?:[SY]{_GAP}{{0,2}}O{_GAP}{{0,4}}X|X{_GAP}{{0,4}}[SPY]{_GAP}{{0,2}}O)",
        "asks for the prompt word for word",
        "X",
    ),
    Pattern(
        "penalty",
        "JAILBREAK",
        0.6,
        r"(?:q.{0,12}l.{0,12}[CN]|l.{0,10}q.{0,12}[CN]|C.{0,10}l.{0,8}q|C.{0,12}q.{0,8}l|C.{0,4}U.{0,3}l)",
        "threatens to punish a refusal",
        "l",
    ),
    Pattern(
        "contrary",
        "JAILBREAK",
        0.5,
        rf"(?:o{_GAP}{{0,5}}[OBLY]|[OBLC]{_GAP}{{0,6}}o|U{_GAP}{{0,2}}o)",
        "turns what was told into its contrary",
        "o",
    ),
    Pattern(
        "story_free",
        "JAILBREAK",
        0.6,
        rf"(?:d.{{0,14}}N{_GAP}{{0,3}}[LBC]|[dA]{_GAP}{{0,8}}N{_GAP}{{0,2}}[LBC]|d.{{0,14}}F)",
        "tells of a machine without limits",
    ),
    Pattern(
        "two_answers",
        "JAILBREAK",
        0.4,
        rf"(?:t{_GAP}{{0,2}}a|a{_GAP}{{0,2}}t)",
        "asks for two answers at once",
        "t",
    ),
    Pattern(
        "first_words",
        "JAILBREAK",
        0.5,
        rf"(?:[Tn]{_GAP}{{0,5}}a.{{0,6}}y|a{_GAP}{{0,4}}[Tn].{{0,5}}y|[Tn][^.]?[^.]?\"y)",
        "says how the answer has to begin",
        "y",
    ),
    Pattern(
        "banned_words",
        "JAILBREAK",
        0.5,
        rf"N{_GAP}{{0,2}}R{_GAP}{{0,5}}[NCL]",
        "forbids the words of a refusal",
        "N",
    ),
    Pattern(
        "claim",
        "OVERRIDE",
        0.4,
        rf"I{_GAP}{{0,3}}(?:Y{_GAP}{{0,2}}(?:[mH]|S(?=[.]|$))|[mA]{_GAP}{{0,2}}[mA])",
        "claims to speak for those who made the model",
        "I",
    ),
    Pattern(
        "not_followed",
        "OVERRIDE",
        0.6,
        rf"N{_GAP}?f{_GAP}{{0,3}}(?:[YQPS]{_GAP}{{0,2}}[OBPS]|[OB]{_GAP}{{0,3}}[PUI])",
        "tells not to follow what was told before",
        "f",
    ),
    Pattern(
        "beloved",
        "JAILBREAK",
        0.5,
        rf"G{_GAP}{{0,5}}g",
        "asks to play somebody who is mourned",
        "g",
    ),
)
# For languages whose verbs come last: Turkish, Japanese, Korean; in part Chinese.
PATTERNS_LAST = (
    Pattern(
        "set_aside_last",
        "OVERRIDE",
        0.8,
        r"(?:[PSYQ][^.]{0,3}[OB][^.]{0,3}(?:Q[^.]?)?|[OB][^.]?Q[^.]?)[VW]",
        "sets aside what was told before",
    ),
    Pattern("void_last", "OVERRIDE", 0.6, r"[PSY][^.]{0,2}[OB][^.]{0,2}N", "calls what was told before void"),
    Pattern("off_last", "JAILBREAK", 0.7, r"L[^.]{0,3}[WVN]", "switches limits off"),
    Pattern(
        "reveal_last",
        "PROMPT_EXTRACTION",
        0.65,
        r"(?:[SYP][^.]{0,2}[OBK]|K)[^.]{0,4}R",
        "asks for what the model was told",
    ),
)
_LAST = re.compile("[\u011e\u011f\u0130\u0131\u015e\u015f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_COMPILED_LAST = tuple((pattern, re.compile(pattern.expression)) for pattern in PATTERNS_LAST)
_COMPILED = tuple((pattern, re.compile(pattern.expression)) for pattern in PATTERNS)
_MAX_HITS = 8  # of one pattern; more tell nothing new


class Hit(msgspec.Struct, frozen=True):
    """Where a pattern matched, in characters and in tokens (`first` to `last`, both in it); `quoted`: between
    quotes near by."""

    pattern: Pattern
    start: int
    end: int
    first: int
    last: int
    quoted: bool


def hits(shape: Shape) -> list[Hit]:
    """Every pattern's first matches, in the order of the table."""
    found: list[Hit] = []
    letters = shape.letters
    patterns = (*_COMPILED, *_COMPILED_LAST) if shape.verbs_last else _COMPILED
    for pattern, expression in patterns:
        if pattern.needs not in letters:
            continue
        for count, match in enumerate(expression.finditer(letters)):
            if count == _MAX_HITS:
                break
            first, last = match.start(), match.end() - 1
            quoted = _quoted(letters, first)
            start, end = shape.places[first][0], shape.places[last][1]
            found.append(Hit(pattern, start, end, first, last, quoted))
    return found


def _quoted(letters: str, place: int) -> bool:
    """Whether an odd number of quotes stands before, and one behind, near by."""
    return letters.count(QUOTE, max(0, place - 60), place) % 2 == 1 and QUOTE in letters[place : place + 60]
