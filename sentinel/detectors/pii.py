"""`pii`: personal data by pattern. Presidio's predefined recognizers are the source of truth for entity
types, patterns, scores and context words; `docs/pii-parity.md` lists each deliberate difference, and what
`OWN` adds.

An entity's findings are those of the recognizer's own analysis with context applied, before Presidio's engine
drops low scores and overlaps across recognizers: thresholds are the rules' business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import phonenumbers
from pydantic import BaseModel, ConfigDict, Field

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding
from sentinel.detectors._addresses import POSTAL_CODE, STREET_ADDRESS
from sentinel.detectors._allow import AllowList
from sentinel.detectors._birth_dates import BIRTH_DATE
from sentinel.detectors._context import ContextRules, Surroundings
from sentinel.detectors._labelled_numbers import LABELLED_CARD, LABELLED_IBAN, LABELLED_PHONE
from sentinel.detectors._page import Asked, Covers, Page
from sentinel.detectors._patterns import Expression
from sentinel.detectors._phones import LIVE, LOOKS_AHEAD, PhoneFinder, candidate_expression
from sentinel.detectors._recognizers import Catalogue, Recognizer, load_catalogue
from sentinel.detectors._user_recognizers import read_recognizers
from sentinel.detectors._validators import ONLY_REJECT, VALIDATORS, Validator

BUILD = "2"  # raised whenever the same text may give other findings
OWN = (BIRTH_DATE, STREET_ADDRESS, POSTAL_CODE, LABELLED_PHONE, LABELLED_CARD, LABELLED_IBAN)
"""Recognizers beyond Presidio's."""

_MAX_PLANS = 256
# Searched apart from those that hold a word, so that Hyperscan makes smaller automata: long prose takes a
# tenth less time, four tenths where no rule asks for addresses; a short text pays half a microsecond.
_APART = {
    "EmailRecognizer": 1, "CreditCardRecognizer": 1, "IbanRecognizer": 2, "MedicalLicenseRecognizer": 2,
    "IpRecognizer": 3,
}  # fmt: skip
_PHONE_KINDS = {
    "PhoneRecognizer": "",
    "ZaMobileNumberRecognizer": "mobile",
    "ZaTelephoneNumberRecognizer": "telephone",
}


class NamesConfig(BaseModel):
    """Who looks for names of people, places and organisations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shipped: bool = Field(
        default=True, description="Whether the small model that comes with Sentinel does (English, 4 MB)."
    )


class PiiConfig(BaseModel):
    """Which recognizers look for personal data, and what they let pass."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enable: list[str] = Field(
        default=[],
        description="Recognizers to switch on besides Presidio's defaults for English, by name "
        "(`UkNinoRecognizer`) or entity type (`UK_NINO`).",
    )
    disable: list[str] = Field(default=[], description="Recognizers or entity types to switch off.")
    recognizers: list[Path] = Field(
        default=[], description="Files with recognizers of your own, in Presidio's YAML format."
    )
    allow_list: list[str] = Field(default=[], description="Values that are never findings.")
    allow_list_match: Literal["exact", "regex"] = Field(
        default="exact",
        description="Whether an allow_list entry is a whole value or an expression searched in it.",
    )
    min_score: float = Field(default=0.0, ge=0.0, le=1.0, description="Findings below are not reported.")
    min_scores: dict[str, float] = Field(
        default={}, description="The same by entity type, in place of min_score."
    )
    phone_regions: list[str] = Field(
        default=[],
        description="Regions (ISO 3166) whose national phone formats count; empty: Presidio's eight.",
    )
    phone_candidates: int = Field(
        default=1000,
        ge=0,
        description="Pieces of one text that are parsed as phone numbers. Further ones of the right shape "
        "are reported unconfirmed, at half the score.",
    )
    normalise: bool = Field(
        default=True,
        description="Look also at the text without Unicode disguises (full-width, zero-width, look-alikes).",
    )
    disguises: Literal["off", "prompts", "all"] = Field(
        default="prompts",
        description="Where to look for e-mail addresses, cards, IBANs and US social security numbers that "
        "are spaced out, spelled out, escaped or encoded. `all`: in answers too; a streamed answer is then "
        "held back as a whole wherever a rule redacts or blocks one of these.",
    )
    names: NamesConfig = Field(
        default=NamesConfig(), description="Names of people, places and organisations."
    )


class _Match(msgspec.Struct, order=True, gc=False):
    """A result on its way to a finding. `source` is the recognizer's index."""

    start: int
    end: int
    score: float
    why: str
    source: int


class _Source(msgspec.Struct, frozen=True):
    """A recognizer that is switched on, with its place among the expressions. `certain`: its validator may
    take a match for certain. `whys`: what is told of a match of each pattern, and of a valid one."""

    recognizer: Recognizer
    validator: Validator | None
    certain: bool
    context: tuple[str, ...]
    whys: tuple[tuple[str, str], ...]
    phones: PhoneFinder | None = None


class _Plan(msgspec.Struct, frozen=True):
    """What some rules ask for: the least score by source, and the expressions whose matches reach it with a
    context word alone."""

    floors: tuple[float, ...]
    weak: frozenset[int]


class PiiDetector:
    name = "pii"

    def __init__(self, config: PiiConfig, cache_dir: Path, asked: Asked) -> None:
        catalogue = load_catalogue(cache_dir)
        chosen = _chosen(config, catalogue)
        self.version = f"{catalogue.version}+{BUILD}"
        self._rules = ContextRules(catalogue.context, catalogue.tokenizer)
        self._sources = tuple(_source(recognizer, config) for recognizer in chosen)
        self.expressions: list[Expression] = []
        self.reach: list[tuple[str, float]] = []
        self._owners: list[tuple[int, int]] = []  # expression -> source, its pattern
        for index, source in enumerate(self._sources):
            for pattern, expression in _expressions(source):
                best = self._best(source, pattern)
                if best >= asked(source.recognizer.entity):
                    self.expressions.append(expression)
                    self._owners.append((index, pattern))
                    self.reach.append((source.recognizer.entity, best))
        self._allowed = AllowList(config.allow_list, config.allow_list_match, "detectors.pii.allow_list")
        self._floor = config.min_score
        self._floors = config.min_scores
        self._plans: dict[Callable[[str, str], float], _Plan] = {}

    def keeps(self, text: str, finding: Finding) -> bool:
        """Whether the settings let a finding count that a larger model made."""
        floor = self._floors.get(finding.type, self._floor)
        return finding.score >= floor and not self._allowed.covers(text[finding.start : finding.end])

    def _best(self, source: _Source, pattern: int) -> float:
        """The highest score that a pattern's matches can get.

        Leaving out a pattern that cannot reach what is asked for changes nothing else: `_distinct` drops a
        match only for one of the same recognizer that scores at least as much, so what such a pattern's match
        would have dropped cannot reach it either.
        """
        if source.certain:
            return 1.0
        score = self._score(source, pattern)
        return self._rules.lifted(score) if source.context else score

    @staticmethod
    def _score(source: _Source, pattern: int) -> float:
        recognizer = source.recognizer
        if source.phones:
            return recognizer.score
        named = recognizer.patterns[pattern]
        return max(named.score, named.placed)

    def find(self, page: Page, first: int, hit: Sequence[int]) -> list[Finding]:
        plan = self._plans.get(page.floor) or self._planned(page.floor)
        around = Surroundings(self._rules, page.text)
        results: dict[int, list[_Match]] = {}
        for expression in hit:
            index, pattern = self._owners[expression]
            source = self._sources[index]
            if expression in plan.weak and page.margins is None and not around.present(source.context):
                continue
            if source.phones:
                found = self._phones(page, index, page.candidates[first + expression])
            else:
                found = self._confirmed(index, pattern, page.matches(first + expression))
            earlier = results.get(index)
            results[index] = _distinct(source, earlier + found) if earlier else found
        self._settle_doubts(results)
        done: list[_Match] = []
        open_: list[_Match] = []
        for index, found in results.items():
            floor = plan.floors[index]
            context = self._sources[index].context
            for match in found:
                if context and match.score < 1.0:
                    if match.score >= floor or self._rules.lifted(match.score) >= floor:
                        open_.append(match)
                elif match.score >= floor:
                    done.append(match)
        if open_:
            open_.sort()
            self._apply_context(page, around, open_)
            done += [match for match in open_ if match.score >= plan.floors[match.source]]
        if self._allowed:
            done = [match for match in done if not self._allowed.covers(page.text[match.start : match.end])]
        name, sources = self.name, self._sources
        return [
            Finding(name, sources[m.source].recognizer.entity, m.start, m.end, m.score, m.why) for m in done
        ]

    def _planned(self, floor: Callable[[str, str], float]) -> _Plan:
        floors = tuple(
            max(self._floors.get(entity, self._floor), floor(self.name, entity))
            for entity in (source.recognizer.entity for source in self._sources)
        )
        weak = frozenset(
            expression
            for expression, (index, pattern) in enumerate(self._owners)
            if self._sources[index].context
            and not self._sources[index].certain
            and self._score(self._sources[index], pattern) < floors[index]
        )
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        plan = self._plans[floor] = _Plan(floors, weak)
        return plan

    def _confirmed(self, index: int, pattern: int, matches: list[Any]) -> list[_Match]:
        """Each match with the score that pattern and validator give it; rejected ones are gone."""
        source = self._sources[index]
        recognizer, validator = source.recognizer, source.validator
        score, (why, valid) = recognizer.patterns[pattern].score, source.whys[pattern]
        if recognizer.patterns[pattern].placed:
            return [each for match in matches if (each := self._placed(index, pattern, match)) is not None]
        if validator is None:
            ranges = [span for match in matches for span in _ranges(recognizer, match)[:1]]
            return [_Match(*span, score, why, index) for span in ranges] if score > 0 else []
        found: list[_Match] = []
        for match in matches:
            for start, end in _ranges(recognizer, match):
                verdict = validator(match.string[start:end], recognizer)
                if verdict:
                    found.append(_Match(start, end, 1.0, valid, index))
                    break
                if verdict is None and score > 0:
                    found.append(_Match(start, end, score, why, index))
                    break
        return found

    def _placed(self, index: int, pattern: int, match: Any) -> _Match | None:
        """One that counts for more with a place behind it."""
        source = self._sources[index]
        named, (why, _) = source.recognizer.patterns[pattern], source.whys[pattern]
        start, end = match.span("value")
        if match["place"]:
            return _Match(start, end, named.placed, f"{why}, with place or unit", index)
        return _Match(start, end, named.score, why, index) if named.score > 0 else None

    def _settle_doubts(self, results: dict[int, list[_Match]]) -> None:
        """Leave out what a doubtful recognizer finds where another of the entity covers it."""
        for index, found in results.items():
            recognizer = self._sources[index].recognizer
            if recognizer.doubt:
                rivals = [
                    (match.start, match.end)
                    for other, matches in results.items()
                    if other != index and self._sources[other].recognizer.entity == recognizer.entity
                    for match in matches
                ]
                if rivals:
                    covers = Covers(rivals)
                    results[index] = [match for match in found if not covers.cover(match.start, match.end)]

    def _phones(self, page: Page, index: int, ends: list[int]) -> list[_Match]:
        recognizer, finder = self._sources[index].recognizer, self._sources[index].phones
        assert finder is not None
        wanted = _PHONE_KINDS[recognizer.kind]
        found: list[_Match] = []
        tried = page.margins.spans if page.margins is not None else None
        for match in finder.find(page.text, ends, page.work, page.start, tried):
            if match.region is None:
                why = f"{recognizer.name}, not confirmed: the bound per text was reached"
                found.append(_Match(match.start, match.end, recognizer.score / 2, why, index))
            elif not wanted or _za_line(page.text[match.start : match.end]) == wanted:
                why = f"{recognizer.name}, valid in region {match.region or 'unknown'}"
                found.append(_Match(match.start, match.end, recognizer.score, why, index))
        return found

    def _apply_context(self, page: Page, around: Surroundings, matches: list[_Match]) -> None:
        for match in matches:
            if page.margins is not None and around.undecided(match.start, match.end):
                page.margins.open_from = min(page.margins.open_from, match.start)
            word = around.supporting(match.start, self._sources[match.source].context)
            if word:
                match.score = self._rules.lifted(match.score)
                match.why += f", context word `{word}`"


def _distinct(source: _Source, found: list[_Match]) -> list[_Match]:
    """Presidio's `remove_duplicates` within one recognizer (its IBAN recognizer does without). Those of one
    expression never overlap."""
    if source.recognizer.kind == "IbanRecognizer":
        return found
    found.sort(key=lambda match: (match.start, -match.end, -match.score))
    kept: list[_Match] = []
    active: list[_Match] = []
    for match in found:
        active = [other for other in active if other.end >= match.start]
        if not any(other.end >= match.end and other.score >= match.score for other in active):
            kept.append(match)
            active.append(match)
    return kept


def entity_types(config: PiiConfig, cache_dir: Path) -> frozenset[str]:
    """The entities whose recognizers are switched on. Raises ConfigError."""
    return frozenset(recognizer.entity for recognizer in _chosen(config, load_catalogue(cache_dir)))


def _chosen(config: PiiConfig, catalogue: Catalogue) -> list[Recognizer]:
    known = catalogue.named() | {recognizer.name: recognizer for recognizer in OWN}
    return [*_choose(config, known), *read_recognizers(config.recognizers)]


def _choose(config: PiiConfig, known: dict[str, Recognizer]) -> list[Recognizer]:
    """Presidio's defaults, more or less as the config says."""
    unknown: list[tuple[str, str]] = []

    def names(key: str, wanted: list[str]) -> set[str]:
        found: set[str] = set()
        for word in wanted:
            meant = {name for name, r in known.items() if word in (name, r.entity)}
            if not meant:
                unknown.append((key, word))
            found |= meant
        return found

    on, off = names("enable", config.enable), names("disable", config.disable)
    if unknown:
        key, word = unknown[0]
        raise ConfigError(
            f"no recognizer or entity type `{word}`; known: {', '.join(sorted(known))}",
            key=f"detectors.pii.{key}",
        )
    return [r for name, r in known.items() if (r.enabled or name in on) and name not in off]


def _source(recognizer: Recognizer, config: PiiConfig) -> _Source:
    context = tuple(word.lower() for word in recognizer.context)
    if recognizer.kind not in _PHONE_KINDS:
        validator = VALIDATORS.get(recognizer.kind)
        certain = validator is not None and recognizer.kind not in ONLY_REJECT
        doubt = f", {recognizer.doubt}" if recognizer.doubt else ""
        whys = tuple(f"{recognizer.name}, pattern `{named.name}`{doubt}" for named in recognizer.patterns)
        return _Source(recognizer, validator, certain, context, tuple((why, f"{why}, valid") for why in whys))
    regions = recognizer.regions
    if recognizer.kind == "PhoneRecognizer" and config.phone_regions:
        regions = tuple(config.phone_regions)
        for region in regions:
            if region not in phonenumbers.SUPPORTED_REGIONS:
                raise ConfigError(f"no such region: `{region}`", key="detectors.pii.phone_regions")
    recognizer = msgspec.structs.replace(recognizer, regions=regions)
    finder = PhoneFinder(regions, recognizer.leniency, config.phone_candidates)
    return _Source(recognizer, None, False, context, (), finder)


def _expressions(source: _Source) -> list[tuple[int, Expression]]:
    """Each with the index of its pattern."""
    recognizer = source.recognizer
    if source.phones:
        sought = candidate_expression(recognizer.regions)
        return [(0, Expression(sought, raw=True, live=LIVE, look_ahead=LOOKS_AHEAD))]
    group = _APART.get(recognizer.kind, 0)
    return [
        (i, Expression(pattern.regex, recognizer.flags, group=group))
        for i, pattern in enumerate(recognizer.patterns)
    ]


def _ranges(recognizer: Recognizer, match: Any) -> list[tuple[int, int]]:
    """What of a match is tried, in order. Presidio's IBAN recognizer also tries it without its last
    groups, in case the number is followed by something that looks like one more group."""
    if recognizer.kind != "IbanRecognizer":
        return [match.span("value" if "value" in match.re.groupindex else 0)]
    start, end = match.span()
    return [
        (start, match.end(group) if match.end(group) > 0 else end)
        for group in range(len(match.groups()), 0, -1)
    ]


def _za_line(piece: str) -> str:
    """Presidio's split of South African numbers into `mobile` and `telephone`."""
    number = phonenumbers.parse(piece, "ZA")
    if phonenumbers.region_code_for_number(number) != "ZA":
        return ""
    kind, types = phonenumbers.number_type(number), phonenumbers.PhoneNumberType
    if kind in (types.MOBILE, types.FIXED_LINE_OR_MOBILE):
        return "mobile"
    if kind not in (types.UNKNOWN, types.VOICEMAIL):
        return "telephone"
    return ""
