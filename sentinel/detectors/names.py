"""`pii` by a small model: names of people, places and organisations.

Reads sentence by sentence with a little left context. Scores are calibrated probabilities. @mentions, web and
e-mail addresses hold no names (but `Acme.com` may be an organisation): other types of `pii` are for those, or
a rule on the text. See the model card, `docs/models/names.md`.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sentinel.core.background import Background
from sentinel.core.exchange import Stage
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._allow import AllowList
from sentinel.detectors._name_words import WORDS
from sentinel.detectors.pii import PiiConfig

if TYPE_CHECKING:
    from sentinel.detectors._name_model import NameModel

_LEFT = 60  # characters before the sentence
_BEFORE = 3  # words of them that are read: the model sees three to each side
_FLOOR = 0.1
_HYPHENED = re.compile(r"(?:-[^\W\d_a-z][\w'’]*)+")  # the model's words end at a hyphen
_TITLED = re.compile(
    r"\b(?:Mrs?|Ms|Mx|Dr|Prof|Herrn?|Frau|Monsieur|Madame|Señora?)\.?[ \u00a0]"
    r"((?:[^\W\d_a-z]['’])?[^\W\d_a-z][^\W\d_]{1,30}(?:-[^\W\d_a-z][^\W\d_]{1,30})?)\b"
)
_BY_TITLE = 0.7
_NOTHING = Inspection()
_LONGEST_TITLE = 12  # characters before a name: a sentence may seem to end behind `Mrs.`
# A host without a scheme: the model's words end at its hyphens and dots. Of the endings the commonest, and
# those that are reserved, so that `john.smith` is none.
_HOST = re.compile(
    r"(?<![\w@.-])(?:[\w-]{1,63}\.){1,6}"
    r"(?:com|org|net|edu|gov|info|biz|io|ai|app|dev|eu|uk|ie|de|fr|es|it|nl|be|se|no|dk|fi|pl|pt|ch|at|us|ca|au|nz"
    r"|in|jp|br|example|test|local|internal|invalid)(?![\w-])(?:[/:?#]\S*)?"
)
_AROUND = 253  # characters of the longest host name (RFC 1035)
TYPES = ("PERSON", "LOCATION", "ORGANIZATION")


@functools.cache
def _model() -> NameModel:
    from sentinel.detectors._name_model import NameModel  # numpy, for those that ask for names

    return NameModel.shipped()


class NameReader:
    name = "pii"
    version = "names-4"
    types = frozenset(TYPES)
    scope: Literal["sentence"] = "sentence"
    compares = False

    def __init__(self, config: PiiConfig, cache_dir: Path, model: NameModel | None = None) -> None:
        self._model = model or (_model() if config.names.shipped else None)
        self.stages = frozenset(Stage) if config.names.shipped else frozenset[Stage]()
        self._allowed = AllowList(config.allow_list, config.allow_list_match, "detectors.pii.allow_list")
        self._floors = {type_: max(_FLOOR, config.min_scores.get(type_, config.min_score)) for type_ in TYPES}

    def inspect(self, text: str, start: int, background: Background) -> Inspection:
        return self.inspect_sentences(text, [(start, len(text))], background)[0]

    def inspect_sentences(
        self, text: str, places: Sequence[tuple[int, int]], background: Background
    ) -> list[Inspection]:
        """All sentences of a text at once: several times as fast as one by one, with the same answers."""
        answers = [_NOTHING] * len(places)
        if self._model is None:
            return answers
        read = [(number, *each) for number, each in enumerate(_words(text, places)) if each[1]]
        told = self._model.names([[text[at:end] for at, end in words] for _, _, words in read])
        for (number, start, words), names in zip(read, told, strict=True):
            found: list[Finding] = []
            for name in names:
                at, end = words[name.first][0], words[name.last - 1][1]
                if name.type == "PERSON" and (more := _HYPHENED.match(text, end, words[-1][1])):
                    end = more.end()
                if not any(map(str.isalpha, text[at:end])):
                    continue
                if name.type != "ORGANIZATION" and _in_host(text, at, words[-1][1]):
                    continue
                if at >= start and name.probability >= self._floors[name.type]:
                    found.append(Finding(self.name, name.type, at, end, name.probability, "name model"))
            found += self._titled(text, start, words[-1][1], found)
            if self._allowed:
                found = [f for f in found if not self._allowed.covers(text[f.start : f.end])]
            if found:
                answers[number] = Inspection(tuple(found))
        return answers

    def _titled(self, text: str, start: int, end: int, known: list[Finding]) -> list[Finding]:
        """What stands behind a title and is no name to the model, or hardly one."""
        if _BY_TITLE < self._floors["PERSON"]:
            return []
        return [
            Finding(self.name, "PERSON", *match.span(1), _BY_TITLE, "a title before it")
            for match in _TITLED.finditer(text, max(0, start - _LONGEST_TITLE), end)
            if match.start(1) >= start
            and not any(f.start < match.end(1) and match.start(1) < f.end and f.score >= 0.5 for f in known)
        ]


def _in_host(text: str, at: int, end: int) -> bool:
    """Whether what begins at `at` is part of a web address; nothing behind `end` is looked at. Organisations
    are written so (`Acme.com`), people and places are not."""
    near = _HOST.finditer(text, max(0, at - _AROUND), min(end, at + _AROUND))
    return any(match.start() <= at < match.end() for match in near)


def _words(text: str, places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Of each sentence its start and its words, with some before it, as (start, end) in the text."""
    for run in _runs(text, places):
        words = [match.span() for match in WORDS.finditer(text, _origin(text, run[0][0]), run[-1][1])]
        starts = [start for start, _ in words]
        for start, end in run:
            first, last = bisect_left(starts, start), bisect_left(starts, end)
            before = max(bisect_left(starts, _origin(text, start), 0, first), first - _BEFORE)
            yield start, words[before:last]


def _runs(text: str, places: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Sentences whose words can be told together: white space parts them, so that no word goes over."""
    run: list[tuple[int, int]] = []
    for start, end in places:
        if run and not (text[start - 1].isspace() or text[start : start + 1].isspace()):
            yield run
            run = []
        run.append((start, end))
    if run:
        yield run


def _origin(text: str, start: int) -> int:
    """Where what is read before a sentence begins: at a word."""
    origin = max(0, start - _LEFT)
    while 0 < origin < start and not text[origin - 1].isspace():
        origin += 1
    return origin
