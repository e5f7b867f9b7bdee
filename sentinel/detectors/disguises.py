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
from sentinel.detectors._disguise_values import FINDERS, ordinary
from sentinel.detectors._disguise_views import View, closed_up, encoded, same, spelled, unescaped
from sentinel.detectors._normalise import normalised
from sentinel.detectors._recognizers import load_catalogue
from sentinel.detectors.pii import PiiConfig

_LAYERS = 2
_STAGES = {
    "off": frozenset[Stage](),
    "prompts": frozenset({Stage.INPUT}),
    "all": frozenset({Stage.INPUT, Stage.OUTPUT}),
}


class DisguiseReader:
    name = "pii"
    version = "disguises-1"
    types = frozenset({"EMAIL_ADDRESS", "CREDIT_CARD", "US_SSN", "IBAN_CODE"})
    compares = False
    quick = True

    def __init__(self, config: PiiConfig, cache_dir: Path) -> None:
        known = load_catalogue(cache_dir).named()
        self._finders = tuple((find, known[name]) for name, find in FINDERS)
        self._allowed = AllowList(config.allow_list, config.allow_list_match, "detectors.pii.allow_list")
        self.stages = _STAGES[config.disguises]

    def inspect(self, text: str, background: Background) -> Inspection:
        found: dict[tuple[int, int, str], Finding] = {}
        first = _first(text)
        for view in _opened(first, _LAYERS):
            for find, recognizer in self._finders:
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
        return Inspection(tuple(found[key] for key in sorted(found))) if found else Inspection()


def _first(text: str) -> View:
    """The text as it stands, without the disguises of Unicode."""
    plain = normalised(text)
    if plain is None or not plain.text:
        return same(text)
    return View(plain.text, plain.origin, [plain.origin[at] + 1 for at in range(len(plain.text))])


def _opened(view: View, layers: int) -> Iterator[View]:
    """All that the view can be read as."""
    yield view
    yield from _written(view)
    if not layers:
        return
    bare = unescaped(view.text)
    if bare is not None:
        yield from _opened(bare.over(view), layers - 1)
    for inside in encoded(view.text):
        yield from _opened(inside.over(view), layers - 1)


def _written(view: View) -> Iterator[View]:
    """Letter by letter, digits as words, and both."""
    made = closed_up(view.text)
    close = made.over(view) if made is not None else None
    if close is not None:
        yield close
    for before in (view, close):
        made = spelled(before.text) if before is not None else None
        if made is not None and before is not None:
            yield made.over(before)
