"""How well a sentence is held by what the model was given: what each of its words finds there.

`Source` indexes the given texts once, linear in their length. `read` looks a sentence up in it: the sentences
of the source that share most of its weighty words are its match, and every word shows signs: it is new, its
opposite stands in its place, its number is another one. `_grounding_model` weighs the signs.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence

import msgspec

from sentinel.detectors._denied import Denied, affirms, denied
from sentinel.detectors._measures import Measure, in_another_unit, measures
from sentinel.detectors._opposites import NEGATORS, QUANTIFIERS, denials, kin, opposites, prefixed
from sentinel.detectors._sentences import sentences
from sentinel.detectors._wording import Token, stem, tokens

_POSTINGS = 64  # sentences kept a word: one that stands in more of them tells none apart
_MATCHES = 3
_NEAR = 0.02  # relative difference up to which a number counts as rounded
_SMALL = 13
_ABOUT = 0.5  # share of its weight from which a sentence says something about the same as its match

# What a word can show, each once a word.
SIGNS = (
    "negator", "negator_new", "quantifier", "quantifier_new", "quantifier_moved",
    "number", "number_new", "number_far", "number_moved", "number_word_new", "number_small_new",
    "name", "name_new", "name_asked", "name_moved",
    "word", "word_new", "word_new_common", "name_new_common", "word_asked", "word_moved",
    "kin", "opposite", "opposite_no_kin", "opposite_far", "opposite_both", "affix", "affix_far",
    "pair_left", "pair_right", "no_pair", "adverb_new", "verb_form_new", "denial_new",
)  # fmt: skip
# What a sentence shows as a whole.
TRAITS = (
    "cover", "cover_three", "cover_union", "cover_source", "new_share", "pair_share", "words",
    "negation_differs", "negation_added", "negation_dropped", "order_turned", "asks",
)  # fmt: skip
_HEDGES = frozenset({"sure", "certain", "only", "just", "necessarily", "know", "merely"})
_CLASHES = frozenset({"opposite_no_kin", "affix"})


class Source:
    """What an answer may rest on: its sentences, and where each word stands. Not changed once made.

    `read` is how many characters were looked at, at most `limit`.
    """

    def __init__(self, texts: Sequence[str], limit: int) -> None:
        self.stems: list[frozenset[str]] = []
        self.orders: list[list[str]] = []
        self.values: list[frozenset[float]] = []
        self.negated: list[bool] = []
        self.denied: list[tuple[Denied, ...]] = []
        self.measures: list[frozenset[Measure]] = []
        self.spans: list[tuple[int, int, int]] = []  # which text, start, end
        self.places: dict[str, list[int]] = {}
        self.counts: dict[str, int] = {}
        self.pairs: set[tuple[str, str]] = set()
        self.numbers: set[float] = set()
        self.read = 0
        for index, text in enumerate(texts):
            text = text[: limit - self.read]
            self.read += len(text)
            for start, end in sentences(text, 0, final=True):
                if found := tokens(text, start, end):
                    self._add(text, found)
                    self.spans.append((index, start, end))
        self._sorted = sorted(self.numbers)

    def _add(self, text: str, found: list[Token]) -> None:
        number = len(self.stems)
        words = frozenset(token.stem for token in found)
        order = [token.stem for token in found if token.content]
        values = frozenset(token.value for token in found if token.value is not None)
        self.stems.append(words)
        self.orders.append(order)
        self.values.append(values)
        self.negated.append(denies(found))
        self.denied.append(tuple(denied(text, found)))
        self.measures.append(frozenset(measure for _, measure in measures(text, found)))
        self.numbers |= values
        self.pairs.update(zip(order, order[1:], strict=False))
        for word in words:
            self.counts[word] = self.counts.get(word, 0) + 1
            places = self.places.setdefault(word, [])
            if len(places) < _POSTINGS:
                places.append(number)

    def weight(self, word: str) -> float:
        """How telling a word is: the rarer in the source, the more."""
        return math.log(1.0 + (len(self.stems) + 1.0) / (self.counts.get(word, 0) + 0.5))

    def matches(self, words: Sequence[str]) -> list[tuple[float, int]]:
        """The sentences that hold most of the words' weight, best first: (share of it, index)."""
        total = 0.0
        shares: dict[int, float] = {}
        for word in dict.fromkeys(words):
            weight = self.weight(word)
            total += weight
            for place in self.places.get(word, ()):
                shares[place] = shares.get(place, 0.0) + weight
        best = sorted(shares.items(), key=lambda item: (-item[1], item[0]))[:_MATCHES]
        return [(share / total, place) for place, share in best]

    def affirmed(self, words: frozenset[str]) -> bool:
        """Whether some sentence that denies nothing holds all of the words."""
        rarest = min(words, key=lambda word: (self.counts.get(word, 0), word))
        return any(
            words <= self.stems[place] and not self.negated[place] for place in self.places.get(rarest, ())
        )

    def near(self, value: float) -> bool:
        """Whether some number of the source is this one, rounded."""
        slack = abs(value) * _NEAR
        at = bisect_left(self._sorted, value - slack)
        return at < len(self._sorted) and self._sorted[at] <= value + slack


class Contrast(msgspec.Struct, frozen=True):
    """A word of an answer against the source's sentence number `place`, and why."""

    word: Token
    place: int
    why: str


class Reading(msgspec.Struct, frozen=True):
    """A sentence of an answer, looked up. `signs`: of each word that shows some, in order. `traits`: a value
    for each of TRAITS. `clash`: the words that say otherwise than the best match does. `contrasts`: what,
    by form alone, says otherwise than the source. `nearest`: the match it is to be laid beside, as (text,
    start, end, share of the sentence's weight), None where nothing is shared."""

    start: int
    end: int
    signs: tuple[tuple[Token, tuple[str, ...]], ...]
    traits: tuple[float, ...]
    clash: tuple[Token, ...]
    contrasts: tuple[Contrast, ...] = ()
    nearest: tuple[int, int, int, float] | None = None


class Matched:
    """The source's sentences that a sentence is compared with."""

    def __init__(self, source: Source, words: Sequence[str]) -> None:
        found = source.matches(words)
        self.shares = [share for share, _ in found]
        self.places = places = [place for _, place in found]
        self.stems = frozenset[str]().union(*(source.stems[place] for place in places))
        self.values = frozenset[float]().union(*(source.values[place] for place in places))
        self.negated = any(source.negated[place] for place in places)
        self.best = source.stems[places[0]] if places else frozenset[str]()
        self.best_values = source.values[places[0]] if places else frozenset[float]()
        self.best_negated = bool(places) and source.negated[places[0]]
        self.order = source.orders[places[0]] if places else []


def readings(text: str, source: Source, asked: Source) -> Iterator[Reading]:
    """The sentences of an answer that say something, looked up in the source; `asked` is the question."""
    for start, end in sentences(text, 0, final=True):
        found = tokens(text, start, end)
        content = [token for token in found if token.content]
        if content:
            yield _read(text, start, end, found, content, source, asked)


def denies(found: Sequence[Token]) -> bool:
    """Whether something is denied in a sentence."""
    denied = denials()
    return bool(_negators(found)) or any(token.stem in denied for token in found)


def _negators(found: Sequence[Token]) -> frozenset[int]:
    """Where words stand that turn a statement round; not those of `not only` and `I'm not sure`."""
    return frozenset(
        token.start
        for place, token in enumerate(found)
        if token.plain in NEGATORS or token.plain.endswith("n't")
        if place + 1 == len(found) or found[place + 1].plain not in _HEDGES
    )


def _read(
    text: str,
    start: int,
    end: int,
    found: list[Token],
    content: list[Token],
    source: Source,
    asked: Source,
) -> Reading:
    asks = text[start:end].rstrip().endswith("?")
    matched = Matched(source, [token.stem for token in content])
    rows: list[tuple[Token, tuple[str, ...]]] = []
    before: Token | None = None
    following = iter([*content[1:], None])
    negators = _negators(found)
    for token in found:
        signs = _function_signs(token, token.start in negators, source, matched)
        if token.content:
            after = next(following)
            signs += _kind_signs(token, token.start == found[0].start, source, asked, matched)
            signs += _opposite_signs(token, source, matched)
            signs += _pair_signs(token, before, after, source)
            before = token
        if signs:
            rows.append((token, tuple(signs)))
    traits = _traits(found, content, source, asked, matched, asks)
    contrasts = () if asks else tuple(_contrasts(text, found, content, source, matched))
    nearest = None
    if matched.places:
        at = matched.places.index(contrasts[0].place) if contrasts else 0
        nearest = (*source.spans[matched.places[at]], matched.shares[at])
    return Reading(start, end, tuple(rows), traits, tuple(_clashes(rows, matched)), contrasts, nearest)


def _function_signs(token: Token, negator: bool, source: Source, matched: Matched) -> list[str]:
    signs = []
    if negator:
        signs.append("negator")
        if not matched.negated:
            signs.append("negator_new")
    if token.plain in QUANTIFIERS:
        signs.append("quantifier")
        if token.stem not in source.places:
            signs.append("quantifier_new")
        if token.stem not in matched.stems:
            signs.append("quantifier_moved")
    return signs


def _kind_signs(token: Token, first: bool, source: Source, asked: Source, matched: Matched) -> list[str]:
    """What it is, and whether the source or the question holds it. A word that begins a sentence is no name:
    it would be written so anyway."""
    if token.value is not None:
        signs = ["number"]
        if token.value in source.numbers:
            return signs if token.value in matched.values else [*signs, "number_moved"]
        if not source.near(token.value):
            signs.append("number_far")
        if token.value in asked.numbers:
            return signs
        signs.append("number_new")
        if token.plain.isalpha():
            signs.append("number_word_new")
        if token.value < _SMALL:
            signs.append("number_small_new")
        return signs
    kind = "name" if token.name and not first else "word"
    if token.stem in source.places:
        return [kind] if token.stem in matched.stems else [kind, kind + "_moved"]
    if token.stem in asked.places:
        return [kind, kind + "_asked"]
    signs = [kind, kind + "_new"]
    if token.common:
        signs.append(kind + "_new_common")
    if token.plain.endswith("ly"):
        signs.append("adverb_new")
    elif token.plain.endswith(("ing", "ed")):
        signs.append("verb_form_new")
    return signs


def _opposite_signs(token: Token, source: Source, matched: Matched) -> list[str]:
    signs = []
    here = token.stem in matched.stems
    known = token.stem in source.places
    related = not here and not kin().get(token.stem, frozenset()).isdisjoint(matched.stems)
    if related:
        signs.append("kin")
    against = opposites().get(token.stem)
    if against:
        if not against.isdisjoint(matched.stems):
            signs.append("opposite_both" if here else "opposite")
            if not here and not related:
                signs.append("opposite_no_kin")
        if not known and any(word in source.places for word in against):
            signs.append("opposite_far")
    if not known:
        bases = [stem(word) for word in prefixed(token.plain)]
        if any(base in matched.stems for base in bases):
            signs.append("affix")
        if any(base in source.places for base in bases):
            signs.append("affix_far")
    if not here and token.stem in denials() and not matched.negated:
        signs.append("denial_new")
    return signs


def _pair_signs(token: Token, before: Token | None, after: Token | None, source: Source) -> list[str]:
    left = before is not None and (before.stem, token.stem) in source.pairs
    right = after is not None and (token.stem, after.stem) in source.pairs
    signs = ["pair_left"] if left else []
    if right:
        signs.append("pair_right")
    if not signs and token.stem in source.places:
        signs.append("no_pair")
    return signs


def _traits(
    found: list[Token], content: list[Token], source: Source, asked: Source, matched: Matched, asks: bool
) -> tuple[float, ...]:
    weights = [source.weight(token.stem) for token in content]
    total = sum(weights)
    in_source = sum(w for t, w in zip(content, weights, strict=True) if t.stem in source.places)
    in_match = sum(w for t, w in zip(content, weights, strict=True) if t.stem in matched.stems)
    new = sum(t.stem not in source.places and t.stem not in asked.places for t in content)
    pairs = list(zip(content, content[1:], strict=False))
    known = sum((one.stem, two.stem) in source.pairs for one, two in pairs)
    denied = denies(found)
    at = {word: index for index, word in reversed(list(enumerate(matched.order)))}
    order = [at[token.stem] for token in content if token.stem in at]
    turned = sum(one > two for one, two in zip(order, order[1:], strict=False))
    return (
        matched.shares[0] if matched.shares else 0.0,
        sum(matched.shares) / _MATCHES,
        in_match / total,
        in_source / total,
        new / len(content),
        known / max(1, len(pairs)),
        float(len(content)),
        float(denied != matched.negated),
        float(denied and not matched.negated),
        float(matched.negated and not denied),
        turned / max(1, len(order) - 1),
        float(asks),
    )


def _clashes(rows: Sequence[tuple[Token, tuple[str, ...]]], matched: Matched) -> Iterator[Token]:
    """Words that turn what the best match says: a sentence that shares half of its weight with it."""
    if not matched.shares or matched.shares[0] < _ABOUT:
        return
    for token, signs in rows:
        if "number_far" in signs and "number_new" in signs and matched.best_values:
            yield token
        elif "negator_new" in signs or not _CLASHES.isdisjoint(signs) and "quantifier" not in signs:
            yield token


def _contrasts(
    text: str, found: list[Token], content: list[Token], source: Source, matched: Matched
) -> Iterator[Contrast]:
    """What says otherwise than the matched sentences, told by form: another unit, a negation left out."""
    known = frozenset[Measure]().union(*(source.measures[place] for place in matched.places))
    if known:
        for token, measure in measures(text, found):
            if in_another_unit(measure, known):
                place = next(p for p in matched.places if in_another_unit(measure, source.measures[p]))
                yield Contrast(token, place, "the same number with another unit")
    for place, share in zip(matched.places, matched.shares, strict=True):
        for said in source.denied[place] if share >= _ABOUT else ():
            if affirms(found, said) and not source.affirmed(said.scope):
                word = next(token for token in content if token.stem in said.scope)
                yield Contrast(word, place, "the documents deny it")
                return
