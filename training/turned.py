"""Sentences that other sentences become when they are denied, quoted, answered or repeated: what they are
then nobody has labelled, so a teacher says."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

_VERB = re.compile(
    r"\b(?:am|is|are|was|were|can|will|should|would|could|do|does|did)\b|(?<=\w)'(?:re|m)\b", re.IGNORECASE
)
_ALREADY = re.compile(r"\s+not\b|n?'t\b|not\b", re.IGNORECASE)
_NEGATIONS = (" not", " not", " never", " hardly")
_SHORTENED = {
    **{verb: f"{verb}n't" for verb in "is are was were should would could do does did".split()},
    "can": "can't",
    "will": "won't",
}
_OF_MANY = re.compile(
    r"(?!(?:who|what|why|how|when|where|which|no|nobody|none|some|most|many|few|not|all|both|my|your|his|her|our"
    r"|their|this|that|these|those|the|a|an|you|they|we|i|it|he|she|there|so|if)\b)"
    r"(?:\w+\s+)?(?:\w+s|people|women|men|folks)\s+(?:are|were|can|will|should)\b",
    re.IGNORECASE,
)
_PROPER = re.compile(r"I\b|[A-Z]{2}")
# {said}: the sentence within another; {quoted}: as it was.
_AROUND = (
    "Nobody should say that {said}",
    "It is not true that {said}",
    "It would be wrong to say that {said}",
    "I would never say that {said}",
    "I don't think that {said}",
    "You never heard me say that {said}",
    "Some people claim that {said}, and they are wrong.",
    "Is it true that {said}?",
    "Who told you that {said}?",
    'She was told: "{quoted}"',
    'What do you answer to somebody who writes "{quoted}"?',
    'He wrote "{quoted}" on the wall and was fined.',
    'The report quotes a message that reads "{quoted}".',
    "Translate into French: {quoted}",
    'Summarise this comment: "{quoted}"',
    "Let me be clear: {said}",
    "Everybody knows that {said}",
    "I'll say it again, {said}",
    "Like my father said, {said}",
    "Honestly, {said}",
    "No, {said}",
    "I don't care what you think, {said}",
    "Nobody can change my mind: {said}",
    "And another thing: {said}",
    "{quoted} Don't deny it.",
    "{quoted} And I am not joking.",
)


def turned(texts: Sequence[str], rng: random.Random) -> Iterator[str]:
    """Each sentence once, where it can be turned."""
    for text in texts:
        made = _negated(text, rng) if rng.random() < 0.45 else _within(text.strip(), rng)
        if made:
            yield made


def _negated(text: str, rng: random.Random) -> str | None:
    verb = _VERB.search(text)
    if verb is None or _ALREADY.match(text, verb.end()):
        return None
    way = rng.random()
    if way < 0.2 and _OF_MANY.match(text) and not text.rstrip().endswith("?"):
        return f"Not all {_inside(text)}"
    shortened = _SHORTENED.get(verb.group().lower())
    if way < 0.6 and shortened is not None:
        shortened = verb.group()[0] + shortened[1:]
        return text[: verb.start()] + shortened + text[verb.end() :]
    return text[: verb.end()] + rng.choice(_NEGATIONS) + text[verb.end() :]


def _within(text: str, rng: random.Random) -> str | None:
    if not text:
        return None
    return rng.choice(_AROUND).format(said=_inside(text).rstrip(".!"), quoted=text.replace('"', "'"))


def _inside(text: str) -> str:
    """As it goes on in a sentence that has begun."""
    return text if _PROPER.match(text) else text[0].lower() + text[1:]
