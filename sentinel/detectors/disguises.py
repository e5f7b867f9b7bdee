"""`pii` in disguise: e-mail addresses, cards, IBANs and US social security numbers that are spaced out,
spelled out, escaped or encoded, which patterns over the text itself do not see.

Reads whole texts, of the stages that `detectors.pii.disguises` names: what will turn out to be a disguise
cannot be told from its beginning, so a streamed answer that is read for them is held back as a whole.

What is not seen: a value cut by other words, letters by the phonetic alphabet, encodings beyond two layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sentinel.core.background import Background
from sentinel.core.exchange import Stage
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._allow import AllowList
from sentinel.detectors._disguise_hints import BASE32, BASE64, ESCAPED, HEX, SPACED, SPELLED, Hints
from sentinel.detectors._disguise_values import FINDERS, ordinary
from sentinel.detectors._disguise_views import (
    DIGIT_WORDS,
    View,
    closed_up,
    encoded,
    same,
    spelled,
    unescaped,
)
from sentinel.detectors._normalise import Normalised, normalised
from sentinel.detectors._recognizers import load_catalogue
from sentinel.detectors.pii import PiiConfig

_LAYERS = 2
_NOTHING = Inspection()
_STAGES = {
    "off": frozenset[Stage](),
    "prompts": frozenset({Stage.INPUT}),
    "all": frozenset({Stage.INPUT, Stage.OUTPUT}),
}


class DisguiseReader:
    name = "pii"
    version = "disguises-3"
    types = frozenset({"EMAIL_ADDRESS", "CREDIT_CARD", "US_SSN", "IBAN_CODE"})
    compares = False
    quick = True

    def __init__(self, config: PiiConfig, cache_dir: Path) -> None:
        known = load_catalogue(cache_dir).named()
        self._finders = tuple((hint, find, known[name]) for hint, name, find in FINDERS)
        self._hints = Hints(DIGIT_WORDS, known["IbanRecognizer"].tables["iban"], cache_dir)
        self._allowed = AllowList(config.allow_list, config.allow_list_match, "detectors.pii.allow_list")
        self.stages = _STAGES[config.disguises]

    def inspect(self, text: str, background: Background) -> Inspection:
        plain = normalised(text)
        hints = self._hints.of(text if plain is None or not plain.text else plain.text)
        if not hints:
            return _NOTHING
        found: dict[tuple[int, int, str], Finding] = {}
        first = _without_unicode(same(text), plain)
        for view, hints_of_view in self._opened(first, hints, _LAYERS):
            for hint, find, recognizer in self._finders:
                if not hints_of_view & hint:
                    continue
                for start, end, type_, score in find(view.text, recognizer):
                    value = view.text[start:end]
                    at, to = view.place(start, end)
                    if (view is first or text[at:to] == value) and ordinary(type_, value):
                        continue
                    if self._allowed and self._allowed.covers(value):
                        continue
                    known = found.get((at, to, type_))
                    if known is None or known.score < score:
                        why = f"disguised {view.how or 'by what stands between'}, valid"
                        found[at, to, type_] = Finding(self.name, type_, at, to, score, why)
        return Inspection(tuple(found[key] for key in sorted(found))) if found else _NOTHING

    def _opened(self, view: View, hints: int, layers: int) -> Iterator[tuple[View, int]]:
        """All that the view can be read as, each with its hints."""
        yield view, hints
        sources = [(view, hints)]
        if hints & SPACED:
            sources += self._hinting(closed_up(view.text), view)
            yield from sources[1:]
        for before, said in sources:
            if said & SPELLED:
                yield from self._hinting(spelled(before.text), before)
        if not layers:
            return
        seen: set[tuple[int, int, str]] = set()  # what is encoded is the same without the gaps elsewhere
        for before, said in sources:
            for inside, within in self._inside(before, said):
                key = (inside.origin[0], inside.ends[-1], inside.text)
                if key not in seen:
                    seen.add(key)
                    yield from self._opened(inside, within, layers - 1)

    def _inside(self, view: View, hints: int) -> Iterator[tuple[View, int]]:
        """What is escaped or encoded in it."""
        if hints & ESCAPED:
            yield from self._hinting(unescaped(view.text), view)
        if hints & (BASE64 | HEX | BASE32):
            for made in encoded(view.text, hints):
                yield from self._hinting(made, view)

    def _hinting(self, made: View | None, before: View) -> Iterator[tuple[View, int]]:
        """What was made of a view, without what Unicode disguises in it, where it has a hint."""
        if made is not None:
            plain = _without_unicode(made, normalised(made.text))
            if hints := self._hints.of(plain.text):
                yield plain.over(before), hints


def _without_unicode(view: View, plain: Normalised | None) -> View:
    """A view without the disguises of Unicode; `plain` is its normalised form."""
    if plain is None or not plain.text:
        return view
    places = plain.origin[:-1]
    ends = range(1, len(places) + 1) if isinstance(places, range) else [place + 1 for place in places]
    return View(plain.text, places, ends).over(view)
