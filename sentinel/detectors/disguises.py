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
    version = "disguises-2"
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
        unveiled = text if plain is None or not plain.text else plain.text
        hints = self._hints.of(unveiled)
        if not hints:
            return _NOTHING
        found: dict[tuple[int, int, str], Finding] = {}
        first = same(text) if plain is None or not plain.text else _without_unicode(plain)
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
        yield from self._written(view, hints)
        if not layers:
            return
        bare = unescaped(view.text) if hints & ESCAPED else None
        if bare is not None:
            yield from self._opened(bare.over(view), self._hints.of(bare.text), layers - 1)
        if hints & (BASE64 | HEX | BASE32):
            for inside in encoded(view.text, hints):
                if within := self._hints.of(inside.text):
                    yield from self._opened(inside.over(view), within, layers - 1)

    def _written(self, view: View, hints: int) -> Iterator[tuple[View, int]]:
        """Letter by letter, digits as words, and both."""
        made = closed_up(view.text) if hints & SPACED else None
        sources = [(view, hints)]
        if made is not None:
            sources.append((made.over(view), self._hints.of(made.text)))
            yield sources[1]
        for before, said in sources:
            made = spelled(before.text) if said & SPELLED else None
            if made is not None:
                yield made.over(before), self._hints.of(made.text)


def _without_unicode(plain: Normalised) -> View:
    """The text as it stands, without the disguises of Unicode."""
    places = plain.origin[:-1]
    ends = range(1, len(places) + 1) if isinstance(places, range) else [place + 1 for place in places]
    return View(plain.text, places, ends)
