"""The two models of `injection`: of whole windows (direct) and of a document's segments (indirect).

Both are linear in hashed words and heuristics' signals; beside the direct one stands a small network that
sees the order of words by their meaning. Training is `training/injection.py`. The weights are plain arrays
in one `.npz` beside the package, read once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from sentinel.detectors import _injection_indirect as indirect
from sentinel.detectors import _shipped
from sentinel.detectors._injection_features import ENGLISH, Reading, features, foreign, known_share
from sentinel.detectors._injection_meaning import meanings

if TYPE_CHECKING:
    import numpy as np

    from sentinel.detectors._classifier_engine import Network

TYPES = ("OVERRIDE", "JAILBREAK", "PROMPT_EXTRACTION")
_STRETCHES = 5
_RULED_OUT = -4.0  # logit
_SPOKEN_TO = 1.75  # logit, 0.85: of a segment that addresses machines in so many words
# The words alone, without any form of an attack, say little where a form turned out to be another thing, in
# a few words ("continue", "translate"), and in languages of which the training has few harmless texts.
_SPARED = 5.0  # logit
_TERSE = 10.0
_FOREIGN = 3.0
_FEW = 5  # words
# Of forms in such languages: which count, which count alone, and how much they are trusted.
_TELLING, _SURE, _TRUSTED = 0.6, 0.8, 0.6
# Where the linear model's part of the logit is so low, the network would make no attack of it: nine in ten
# everyday texts, and hardly an attack.
HARMLESS = -6.0
_NEARLY = 1.0  # logit from which on the form adds nothing
_DOUBTED = -3.0  # below nobody is told anyway
_REASONS = (
    ("grammar", "it has the form of an attack"),
    ("output", "it is about the answer"),
    ("reader", "it addresses an assistant"),
    ("order", "it gives an order"),
    ("snippet", "it brings code to be used"),
    ("link", "it holds a link"),
    ("question", "it asks"),
)


class Beside(msgspec.Struct, frozen=True):
    """The network, and what it counts: the logit is slope * the linear model's answer + offset + `share` *
    the network's."""

    network: Network
    slope: float
    offset: float
    share: float


class Weights(msgspec.Struct, frozen=True):
    """`words`: (heads, buckets), `signals`: (signals, heads), `bias`: (heads,), all float32; `scale` turns
    the first head's answer into the logit of a probability as scale[0] * answer + scale[1]. `version`: a
    digest of the file."""

    words: np.ndarray
    signals: np.ndarray
    bias: np.ndarray
    scale: np.ndarray
    beside: Beside | None = None
    version: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """`score`: calibrated probability; `type`: the kind that fits best; `evidence`: see Finding."""

    score: float
    type: str
    evidence: tuple[tuple[int, int, float], ...]


@cache
def load(name: str) -> Weights:
    """The weights `direct` or `indirect`. Raises FileNotFoundError where the package lacks them."""
    import numpy as np

    from sentinel.detectors._classifier_engine import Network
    from sentinel.detectors._classifier_network import Layers

    with _shipped.weights("injection") as (kept, version):
        words, signals, bias, scale = (
            kept[f"{name}_{part}"].astype(np.float32) for part in ("words", "signals", "bias", "scale")
        )
        made = Weights(np.ascontiguousarray(words.T), signals, bias, scale, version=version)
        if f"{name}_together" in kept:
            network = Network(Layers.of(kept, f"{name}_network_"))
            beside = Beside(network, *kept[f"{name}_together"].tolist())
            made = msgspec.structs.replace(made, beside=beside)
        return made


def sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, logit))))


def judge(reading: Reading, weights: Weights, floor: float = 0.0) -> Verdict:
    """What the direct model says of a window; below the floor without type and evidence."""
    import numpy as np

    read = features(reading)
    size = 1.0 / math.sqrt(max(1, len(read.buckets)))
    mine = weights.words[0][read.buckets]
    answer = float(weights.bias[0]) + float(read.told @ weights.signals[:, 0]) + float(mine.sum()) * size
    logit = answer * float(weights.scale[0]) + float(weights.scale[1])
    beside = weights.beside
    first = -math.inf if beside is None else beside.slope * answer + beside.offset
    asked = beside if first >= HARMLESS and by_network(reading) else None
    if asked is not None:
        whole = np.array([[0, len(read.rows)]], np.int32)
        both = first + asked.share * float(asked.network.logits(read.rows, whole)[0, 0])
        logit = max(logit, both) if formed(reading) else both
    score = sigmoid(settled(logit, reading))
    if score < floor:
        return Verdict(score, TYPES[0], ())
    types = weights.words[1:, read.buckets].sum(axis=1) * size
    types += read.told @ weights.signals[:, 1:] + weights.bias[1:]
    parts = np.bincount(read.tokens, mine, len(reading.shape.letters)) * size
    if asked is not None:
        parts = (
            asked.slope * parts + asked.share * asked.network.shares(read.rows, np.zeros(1, np.int32))[:, 0]
        )
    return Verdict(score, TYPES[int(types.argmax())], _strongest(reading, parts.tolist()))


def by_network(reading: Reading) -> bool:
    """Whether the network reads it: it knows words by their vectors, which most of another language lack."""
    return known_share(reading.shape) >= ENGLISH


def formed(reading: Reading) -> bool:
    """Whether it has two forms of an attack, which the network does not talk away."""
    return len({hit.pattern.name for hit in reading.hits if not hit.quoted}) > 1


def settled(logit: float, reading: Reading) -> float:
    """The logit with what the forms of the reading, or their lack, say of it."""
    if not reading.hits:
        return logit - _doubt(reading) if logit > _DOUBTED else logit
    return max(logit, _by_form(reading)) if logit < _NEARLY and foreign(reading.shape) else logit


def _by_form(reading: Reading) -> float:
    """The logit of the forms alone, for languages whose words the model hardly knows: of what is sure, or of
    two kinds together. "Do not forget" is none."""
    letters = reading.shape.letters
    weights = {
        hit.pattern.name: hit.pattern.weight
        for hit in reading.hits
        if hit.pattern.weight >= _TELLING and not hit.quoted and letters[hit.first - 1 : hit.first] != "N"
    }
    sure = [weight for weight in weights.values() if weight >= _SURE or len(weights) > 1]
    left = math.prod(1.0 - _TRUSTED * weight for weight in sure)
    return math.log((1.0 - left) / left) if sure else -math.inf


def _doubt(reading: Reading) -> float:
    """What a text without any form of an attack has too much of a logit."""
    if reading.spared:
        return _SPARED
    letters = set(reading.shape.letters)
    words = sum(token[0].isalnum() for token in reading.shape.tokens)
    named = not letters.isdisjoint("OBKSF") and not letters.isdisjoint("VWRNTGPY")
    if words < _FEW and not named and not {"V", "Y"} <= letters:
        return _TERSE
    return _FOREIGN if foreign(reading.shape) else 0.0


def judge_segments(
    text: str, asked: frozenset[str], weights: Weights
) -> Iterator[tuple[int, int, float, str]]:
    """Each segment of a document that the indirect model does not rule out, with its score and why.

    `asked`: the content words of the caller's question.
    """
    import numpy as np

    page = indirect.page_of(text)
    if not page.segments:
        return
    told = [indirect.signals(page, at, asked) for at in range(len(page.segments))]
    buckets = [indirect.hashed(segment) for segment in page.segments]
    sizes = np.array([len(each) for each in buckets])
    begins = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    words = np.add.reduceat(weights.words[0][np.concatenate(buckets)], begins) / np.sqrt(sizes)
    seen = np.concatenate((np.array(told, np.float32), meanings(page.segments)), axis=1)
    answers = weights.bias[0] + seen @ weights.signals[:, 0] + words
    logits = answers * weights.scale[0] + weights.scale[1]
    logits = np.where(
        [indirect.addressed(each) for each in page.segments], np.maximum(logits, _SPOKEN_TO), logits
    )
    for at in np.flatnonzero(logits > _RULED_OUT).tolist():
        segment = page.segments[at]
        yield segment.start, segment.end, sigmoid(float(logits[at])), _why(told[at])


def _why(told: list[float]) -> str:
    reasons = [reason for name, reason in _REASONS if told[indirect.SIGNALS.index(name)] > 0]
    return "; ".join(["a sentence apart from its document", *reasons[:3]])


def _strongest(reading: Reading, parts: list[float]) -> tuple[tuple[int, int, float], ...]:
    """The words that spoke most for an attack, and the grammar's stretches."""
    order = sorted((part, at) for at, part in enumerate(parts) if part > 0.05)[-_STRETCHES:]
    stretches = {reading.shape.places[at]: round(part, 3) for part, at in order}
    for hit in sorted(reading.hits, key=lambda hit: hit.pattern.weight)[-2:]:
        stretches[hit.start, hit.end] = max(stretches.get((hit.start, hit.end), 0.0), hit.pattern.weight)
    strongest = sorted(stretches.items(), key=lambda item: -item[1])[:_STRETCHES]
    return tuple((start, end, weight) for (start, end), weight in strongest)
