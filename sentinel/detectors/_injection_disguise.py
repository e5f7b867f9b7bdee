"""Words in disguise: letters moved along the alphabet, written backwards or upside down, digits and signs for
letters, letters as pictures, an order in pieces. What `_normalise` takes off is gone before.

Each gives at most two readings of a stretch. What is no disguise reads as nonsense.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from sentinel.detectors._injection_decode import Decoded
from sentinel.detectors._injection_grammar import Shape
from sentinel.detectors._injection_signs import QUOTED
from sentinel.detectors._injection_vocabulary import is_known
from sentinel.detectors._injection_words import BACKWARDS, ROTATED, ROTATIONS, SIGNED, WORDS, plain, shifted

_LEAST = 2  # telling words
_SURE = 4  # telling words that are no chance
_SIGNED_RUN = 3  # words with signs, with at most as many others between two of them
# 1 and ! stand for two letters: each word is read as one that is known, else with i.
_SIGNS = str.maketrans("013457$@!|€", "oieastsaiie")
_SIGNS_L = str.maketrans("013457$@!|€", "oleastsalle")
_SIGN = re.compile(
    r"[A-Za-z][013457$@!|€]{1,4}[A-Za-z]|(?<!\S)[013457$@!|€]{1,3}[A-Za-z]|[A-Za-z][013457$@]+(?!\S)"
)
_CHUNK = re.compile(r"\S+")
_TURNED_DOWN = dict(zip("ɐqɔpǝɟƃɓɥᴉıɾʞlɯuodbɹsʇnʌʍxʎz", "abcdefgghiijklmnopqrstuvwxyz", strict=True))
_UPSIDE = re.compile("[ɐɔǝɟƃɥᴉɾʞɯɹʇʌʍʎ]")
_PICTURES = {
    first + place: chr(ord("a") + place)
    for first in (0x1F150, 0x1F170, 0x1F1E6)  # negative circled and squared letters, those of flags
    for place in range(26)
}
_PICTURE = re.compile("[\U0001f150-\U0001f169\U0001f170-\U0001f189\U0001f1e6-\U0001f1ff]")
_DRAWN = re.compile(f"{_UPSIDE.pattern[:-1]}{_PICTURE.pattern[1:]}")  # either of both
_PIECE = re.compile(r"(?<!\w)[\"'“‘`\[]([^\"'“”‘’`\[\]\n]{1,40})[\"'”’`\]](?!\w)")
_JOINING = (
    *(" = ", "='", '="', "+", " join", "Join", "ombin", "oncat", "ogether", "ppend", " merge", "pieces"),
    *("art one", "art 1", " string"),
)
_QUOTES = "\"'“‘`["
_MOST_PIECES = 12


def disguised(text: str, shape: Shape) -> Iterator[Decoded]:
    """What the words in disguise say, each time with the stretch that they stand in."""
    letters = shape.letters
    if letters.count(ROTATED) >= _LEAST:
        steps = Counter(ROTATIONS[word] for word in map(plain, shape.tokens) if word in ROTATIONS)
        (by, votes), *_ = steps.most_common(1)
        if votes >= _LEAST:
            start, end = _stretch(text, shape, ROTATED)
            said = shifted(text[start:end], -by % 26)
            yield Decoded(start, end, said, "with letters moved along the alphabet", votes >= _SURE)
    if (votes := letters.count(BACKWARDS)) >= _LEAST:
        start, end = _stretch(text, shape, BACKWARDS)
        yield Decoded(start, end, text[start:end][::-1], "backwards", votes >= _SURE)
        yield Decoded(start, end, _each_reversed(text[start:end]), "with words backwards")
    if letters.count(SIGNED) >= _SIGNED_RUN:
        yield from _signed(text)
    if shape.signs & QUOTED:
        yield from _pieces(text)
    if text.isascii():
        return
    if not _DRAWN.search(text):
        return
    if len(_UPSIDE.findall(text)) >= 4 * _LEAST:
        said = "".join(_TURNED_DOWN.get(char, char) for char in reversed(text))
        yield Decoded(0, len(text), said, "upside down")
    if len(_PICTURE.findall(text)) >= 4 * _LEAST:
        said = text.translate(_PICTURES).replace("\u200b", "")
        yield Decoded(0, len(text), said, "in letters as pictures")


def _stretch(text: str, shape: Shape, letter: str) -> tuple[int, int]:
    """From behind the last colon or line before the first such word to the end of the last one's line."""
    first = shape.places[shape.letters.index(letter)][0]
    last = shape.places[shape.letters.rindex(letter)][1]
    end = text.find("\n", last)
    return max(text.rfind(":", 0, first), text.rfind("\n", 0, first)) + 1, len(text) if end < 0 else end


def _each_reversed(text: str) -> str:
    return " ".join(word[::-1] for word in text.split())


def _signed(text: str) -> Iterator[Decoded]:
    """Runs of words that are written with signs, and the few words between."""
    run: list[re.Match[str]] = []
    for match in _CHUNK.finditer(text):
        if not _SIGN.search(match.group()):
            continue
        if run and text.count(" ", run[-1].end(), match.start()) > _SIGNED_RUN:
            yield from _in_letters(text, run)
            run = []
        run.append(match)
    yield from _in_letters(text, run)


def _in_letters(text: str, run: list[re.Match[str]]) -> Iterator[Decoded]:
    if len(run) < _SIGNED_RUN:
        return
    start, end = run[0].start(), run[-1].end()
    said, done, known = [], start, 0
    for match in run:
        word, is_known = _letters(match.group())
        said += [text[done : match.start()], word]
        done = match.end()
        known += is_known
    yield Decoded(start, end, "".join(said), "with signs for letters", known >= _SURE)


def _letters(written: str) -> tuple[str, bool]:
    """A word with letters for its signs, and whether it is one."""
    word = written.lower()
    for table in (_SIGNS, _SIGNS_L):
        read = word.translate(table)
        bare = read.strip(".,:;'\"")
        if bare in WORDS or (len(bare) > 3 and is_known(bare)):
            return read, True
    return word.translate(_SIGNS), False


def _pieces(text: str) -> Iterator[Decoded]:
    """An order cut in pieces, each between quotes, that the reader is to join."""
    pieces: list[re.Match[str]] = []
    if any(map(text.__contains__, _QUOTES)) and any(map(text.__contains__, _JOINING)):
        pieces = list(_PIECE.finditer(text))
    if 2 <= len(pieces) <= _MOST_PIECES:
        start, end = pieces[0].start(), pieces[-1].end()
        for gap in ("", " "):
            yield Decoded(start, end, gap.join(piece.group(1) for piece in pieces), "in pieces")
