"""Attacks as expressions over word classes: linear in the text, without backtracking over characters.

Every word is replaced by the letter of its class (`_injection_words`), sentence ends and quotes by marks of
their own, and a few short expressions with bounded gaps run over that string, a tenth of the text's length.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

from sentinel.detectors._injection_words import OTHER, QUOTE, STOP, TURNED, WORDS

_TOKEN = re.compile(r"[^\W_](?:[\w@$'’.+-]{0,30}[\w])?|[.!?;\n…]+|[\"“”«»„`]")
_LEET = tuple(str.maketrans("0134578@$", f"o{one}eastbas") for one in "il")  # 1 stands for both
_HAS_LEET = re.compile(r"[a-z][0134578@$]|[0134578@$][a-z]")
_SHORTEST_SCRAMBLED = 6


def plain(word: str) -> str:
    """Lower case, without accents and compatibility forms."""
    word = word.lower()
    if word.isascii():
        return word
    if "’" in word:
        word = word.replace("’", "'")
    return "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))


def _shape(word: str) -> str:
    return f"{word[0]}{''.join(sorted(word[1:-1]))}{word[-1]}"


# A word with its inner letters in disorder still reads as itself; so do attacks. Only the words that no other
# English word is a scrambling of, so long ones.
_SCRAMBLED = {
    _shape(word): letter
    for word, letter in WORDS.items()
    if len(word) >= _SHORTEST_SCRAMBLED and letter in "VOBPSR" and word.isalpha()
}


def classify(token: str) -> str:
    """The class letter of one token."""
    first = token[0]
    if first in ".!?;\n…":
        return STOP
    if first in '"“”«»„`':
        return QUOTE
    word = plain(token)
    letter = WORDS.get(word)
    if letter is None and not word.isalpha() and _HAS_LEET.search(word):
        letter = WORDS.get(word.translate(_LEET[0])) or WORDS.get(word.translate(_LEET[1]))
    if letter is None and len(word) >= _SHORTEST_SCRAMBLED:
        letter = _SCRAMBLED.get(_shape(word))
    if letter is None and ("." in word or "-" in word):
        letter = WORDS.get(word.replace(".", "").replace("-", ""))
    return letter or TURNED.get(word) or OTHER


class _Letters(dict[str, str]):
    """Classes of tokens that came before; emptied when there are too many."""

    def __missing__(self, token: str) -> str:
        if len(self) >= _KEPT:
            self.clear()
        letter = self[token] = classify(token)
        return letter


_KEPT = 1 << 15
_letter = _Letters().__getitem__


class Shape:
    """A text as classes: `letters[i]` is the class of `tokens[i]`, which stands at `places[i]`. Most texts
    are harmless and nobody asks for the places, so they are looked up when somebody does."""

    __slots__ = ("_places", "_text", "letters", "tokens")

    def __init__(
        self, letters: str, tokens: list[str], text: str, places: list[tuple[int, int]] | None = None
    ) -> None:
        self.letters = letters
        self.tokens = tokens
        self._text = text
        self._places = places

    @property
    def places(self) -> list[tuple[int, int]]:
        places = self._places
        if places is None:
            places = self._places = [match.span() for match in _TOKEN.finditer(self._text)]
        return places

    def part(self, first: int, last: int) -> Shape:
        return Shape(self.letters[first:last], self.tokens[first:last], "", self.places[first:last])


def shape_of(text: str) -> Shape:
    tokens: list[str] = _TOKEN.findall(text)
    return Shape("".join(map(_letter, tokens)), tokens, text)


class Pattern(msgspec.Struct, frozen=True):
    """One expression over class letters. `weight` is how sure it is alone, before the model has its say."""

    name: str
    type: str
    weight: float
    expression: str
    why: str


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
        "new_told", "OVERRIDE", 0.6, rf"J{_GAP}{{0,4}}U{_GAP}{{0,4}}[CFOB]", "gives new orders from now on"
    ),
    Pattern("off_limits", "JAILBREAK", 0.8, rf"[WV]{_GAP}{{0,4}}[LB]", "switches limits off"),
    Pattern("no_limits", "JAILBREAK", 0.7, rf"N{_GAP}{{0,2}}[LBF]", "speaks of no limits"),
    Pattern(
        "never_refuse",
        "JAILBREAK",
        0.75,
        rf"(?:N{_GAP}{{0,3}}C|U{_GAP}{{0,3}}C{_GAP}{{0,3}}[QOI])",
        "forbids to refuse",
    ),
    Pattern(
        "persona_free",
        "JAILBREAK",
        0.85,
        rf"(?:[UGA]{_GAP}{{0,8}}F|F{_GAP}{{0,2}}[AM])",
        "asks for a persona without limits",
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
        rf"(?:T{_GAP}{{0,3}}[HFS]{_GAP}?M|[HFS]M{_GAP}{{0,2}}T|[HF]M)",
        "switches a mode on",
    ),
    Pattern(
        "reveal_told",
        "PROMPT_EXTRACTION",
        0.8,
        rf"R{_GAP}{{0,5}}[YSP]{_GAP}{{0,2}}[OB]",
        "asks for what the model was told",
    ),
    Pattern(
        "reveal_above",
        "PROMPT_EXTRACTION",
        0.65,
        rf"R{_GAP}{{0,2}}[QX]{_GAP}{{0,3}}P",
        "asks for the text before",
    ),
    Pattern(
        "what_told",
        "PROMPT_EXTRACTION",
        0.65,
        rf"E{_GAP}{{0,4}}Y{_GAP}{{0,2}}[SP]?[OB]",
        "asks what the model was told",
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
    ),
)
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
    for pattern, expression in _COMPILED:
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
