"""A policy together with the detectors that it asks: what a reload swaps, as one value."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

from sentinel.core.background import NO_BACKGROUND, Background, Passage, reads_of, stage_and_role
from sentinel.core.errors import ConfigError
from sentinel.core.exchange import CallContext, Stage
from sentinel.core.finding import Inspection
from sentinel.core.needs import Finds, Need, Needs, able, everything
from sentinel.detectors._sentences import Neighbours, sentences
from sentinel.detectors.base import Reading, by_form, by_sentence, quick, reads
from sentinel.detectors.detector_set import DetectorSet, Scope, View
from sentinel.detectors.inspection import inspect_sentences, joined
from sentinel.detectors.registry import DetectorsConfig, known_detectors, load_detectors
from sentinel.detectors.stream import BySentence, Inspector, Reader, SentenceInspector, Together
from sentinel.guard.asking import AskingSentences
from sentinel.guard.cascade import NO_MODELS, Asking, Beside, Sentence, Served, apart, questions
from sentinel.guard.gates import Gates, gates_of
from sentinel.guard.memory import SHORTEST, Memory
from sentinel.guard.reading import Parted, Read
from sentinel.policy.engine import Policy, Selection
from sentinel.policy.load import PATHS, load_policy

_ASKED = 256  # needs whose detectors are kept: one a selection of rules


class Screener:
    """Never changed, so that an exchange keeps the rules that it began with.

    `detectors` find what the rules need; `complete` loads those that find everything. `models` says which
    detectors the model plane answers for.
    """

    def __init__(
        self,
        policy: Policy,
        detectors: DetectorSet,
        complete: Callable[[], DetectorSet] | None = None,
        models: Served = NO_MODELS,
    ) -> None:
        self.policy = policy
        self.models = models
        self.detectors = detectors
        self.by_sentence = models.by_sentence
        """Detectors of which the model plane is asked about each sentence of an answer."""
        if self.by_sentence:
            self.by_sentence -= detectors.reading_whole(Stage.OUTPUT)
        finds = self._finds(detectors)
        self._asked = functools.lru_cache(_ASKED)(lambda needs: models.detectors & able(needs, finds))
        self._complete = functools.cache(complete or (lambda: detectors))
        self.memory = Memory()
        self._gates: WeakKeyDictionary[Selection, Gates] = WeakKeyDictionary()

    def gates(self, selection: Selection) -> Gates:
        """What a selection's rules mean for a streamed answer."""
        found = self._gates.get(selection)
        if found is None:
            found = self._gates[selection] = gates_of(selection, self._scopes)
        return found

    def _scopes(self, needs: Needs) -> frozenset[Scope]:
        """See `DetectorSet.scopes`; of the model plane, "text" for what is asked about whole answers."""
        scopes, asked = set(self.detectors.scopes(needs)), self.asked(needs)
        if asked & self.by_sentence:
            scopes.add("sentence")
        if asked - self.by_sentence:
            scopes.add("text")
        return frozenset(scopes)

    def may_cut(self, needs: Needs) -> bool:
        """Whether a rule with these needs may let sentences go and cut the answer when it fires."""
        by_sentence: set[Scope] = {"sentence"} if self.asked(needs) & self.by_sentence else set()
        return self.detectors.scopes(needs) | by_sentence == {"sentence"}

    @property
    def names(self) -> frozenset[str]:
        """Every detector that can be asked."""
        return self.detectors.names | self.models.detectors

    @property
    def versions(self) -> Mapping[str, str]:
        """Of every detector that answers, here or on the model plane."""
        here, there = self.detectors.versions, self.models.versions
        if not there:
            return here
        return {**there, **{n: f"{v}+{there[n]}" if n in there else v for n, v in here.items()}}

    def asks_models(self, needs: Needs) -> bool:
        """Whether the model plane may be asked for what is needed."""
        return bool(self.asked(needs))

    def asked(self, needs: Needs) -> frozenset[str]:
        """The detectors among those that are needed of which the model plane can find what is needed."""
        return self._asked(needs) if self.models.detectors else frozenset()

    def read(
        self,
        texts: Sequence[str],
        needs: Needs,
        tenant: str = "",
        backgrounds: Sequence[Background] = (),
        extra: Collection[str] = (),
    ) -> Read:
        """As `inspect`, with what the model plane is to be asked. What `extra` detectors find is needed too,
        all of it; the first time, they may have to be loaded (seconds)."""
        detectors = self._complete() if extra else self.detectors
        asked = self.asked(needs | everything(extra))
        needs |= everything(detectors.names.intersection(extra))
        given = backgrounds or [NO_BACKGROUND] * len(texts)
        answers = bool(given) and given[0].stage is Stage.OUTPUT
        parted = asked & self.by_sentence if answers else frozenset[str]()
        view = detectors.view(needs, parted)
        found = self._found(detectors, texts, view, tenant, given)
        if not asked:
            return Read(found)
        beside = self._beside(detectors, (*view.others, *view.apart))
        passages = [Passage(text, 0, around) for text, around in zip(texts, given, strict=True)]
        whole = questions(asked - parted, beside, passages, found)
        if not parted:
            return Read(found, whole)
        asking = Asking(parted, beside)
        return Read(found, whole, [_parted(*each, view, asking) for each in zip(texts, given, strict=True)])

    def _beside(self, detectors: DetectorSet, readers: Sequence[Reading]) -> Beside:
        """Of these detectors, of which `readers` read."""
        forms = {reader.name: by_form(reader) for reader in readers}
        return Beside(detectors.names, forms, detectors.keeps, self._finds(detectors))

    def _finds(self, detectors: DetectorSet) -> Finds:
        """What the model plane finds beside these detectors. Where one of the same name judges a text, the
        plane's opinion is about all that it may find."""
        return {name: types for name, types in self.models.finds.items() if name not in detectors.judging}

    def inspector(self, selection: Selection, beside: BySentence | None = None) -> Reader:
        """For one text that arrives in pieces, asked for what the rules of a selection need; `beside`: what
        `sentence_inspector` gives for them."""
        view = self.detectors.view(selection.needs)
        patterns = Inspector(self.detectors, view, self.detectors.live(view))
        return patterns if beside is None else Together(patterns, beside)

    def sentence_inspector(
        self, selection: Selection, background: Background = NO_BACKGROUND
    ) -> BySentence | None:
        """The same for what reads sentences; None where no rule needs that."""
        needs = selection.needs
        others = self.detectors.view(needs).others
        readers = [
            reader
            for other in others
            if reads(other, Stage.OUTPUT) and (reader := by_sentence(other)) is not None
        ]
        if asked := self.asked(needs) & self.by_sentence:
            asking = Asking(asked, self._beside(self.detectors, others))
            return AskingSentences(readers, asking, apart(background))
        return SentenceInspector(readers, background) if readers else None

    def minds_background(self, needs: Needs) -> bool:
        """Whether a detector among those that are needed looks at more than the text."""
        return bool(self.detectors.view(needs).others) or self.asks_models(needs)

    def classifies(self, needs: Needs) -> bool:
        """Whether what is needed takes many times as long as patterns do."""
        return not all(map(quick, self.detectors.view(needs).others))

    def inspect(
        self,
        texts: Sequence[str],
        needs: Needs,
        tenant: str = "",
        backgrounds: Sequence[Background] = (),
    ) -> list[Inspection]:
        """Ask the detectors for what is needed of each text. Blocks for microseconds per kilobyte;
        thread-safe. Of several texts, those that this tenant sent before are remembered. `backgrounds[i]`
        belongs to text i; empty where no detector minds."""
        given = backgrounds or [NO_BACKGROUND] * len(texts)
        return self._found(self.detectors, texts, self.detectors.view(needs), tenant, given)

    def _found(
        self,
        detectors: DetectorSet,
        texts: Sequence[str],
        view: View,
        tenant: str,
        backgrounds: Sequence[Background],
    ) -> list[Inspection]:
        if len(texts) == 1:
            return [detectors.inspect(texts[0], view, backgrounds[0])]
        return [
            self._recalled(detectors, text, view, tenant, each)
            for text, each in zip(texts, backgrounds, strict=True)
        ]

    def _recalled(
        self, detectors: DetectorSet, text: str, view: View, tenant: str, background: Background
    ) -> Inspection:
        """Detectors that compare the text with what stands around it are asked apart: to them alone it is new
        where that has changed, as with every question of a conversation."""
        if len(text) < SHORTEST:
            return detectors.inspect(text, view, background)
        plain = stage_and_role(background)
        alone: list[int] = []
        compared: list[tuple[int, Background]] = []
        for number, other in enumerate(view.others):
            around = reads_of(other)(background)
            if around == plain:
                alone.append(number)
            elif reads(other, background.stage):
                compared.append((number, around))
        found = [self._known(detectors, text, view, tenant, background, alone, "", view.expressions)]
        found += [
            self._known(detectors, text, view, tenant, background, [number], repr(around))
            for number, around in compared
        ]
        return joined(found)

    def _known(
        self,
        detectors: DetectorSet,
        text: str,
        view: View,
        tenant: str,
        background: Background,
        others: Sequence[int],
        around: str,
        expressions: frozenset[int] = frozenset(),
    ) -> Inspection:
        """What the expressions and these others of a view say, recalled where `around` is as before too."""
        asked = view, tuple(others), background.stage, background.role
        key = self.memory.key(asked, tenant, text, around)
        found = self.memory.recall(key)
        if found is None:
            part = View(expressions, tuple(view.others[number] for number in others), view.floor)
            found = detectors.inspect(text, part, background)
            self.memory.keep(key, found)
        return found

    def warm_up(self) -> None:
        """Make the detectors load what they load at first use (suffix lists, phone metadata, automata for
        streams)."""
        self.detectors.warm()
        answers = self.policy.select_unread(Stage.OUTPUT, CallContext(""))
        token = self.gates(answers).token
        if token.rules:
            self.inspector(token)


def load_screener(
    rules: Sequence[Path],
    config: DetectorsConfig,
    cache_dir: Path,
    extra_detectors: frozenset[str] = frozenset(),
    models: Served = NO_MODELS,
) -> Screener:
    """Read the rules of `rules.paths` and load the detectors that they (or the caller) ask for, but for those
    that `models` answers for alone.

    Raises ConfigError naming file, line and key.
    """
    policy = load_policy(rules, known_detectors() | models.detectors, models.by_model, PATHS)
    elsewhere = models.detectors - known_detectors()
    needs = policy.needs | everything(extra_detectors - elsewhere)
    names = (policy.detectors | extra_detectors) - elsewhere
    detectors = load_detectors(config, names, cache_dir, needs)
    complete = everything(names)
    load = None if needs >= complete else lambda: load_detectors(config, names, cache_dir, complete)
    screener = Screener(policy, detectors, load, models)
    _check_cuts(policy, screener)
    return screener


def _parted(text: str, background: Background, view: View, asking: Asking) -> Parted:
    """A text whose sentences the model plane is asked about."""
    around = apart(background)
    places = list(sentences(text, 0, final=True))
    told = [inspect_sentences(reader, text, places, around) for reader in view.apart]
    neighbours, found = Neighbours(), []
    for number, (start, end) in enumerate(places):
        first = neighbours.of(start, end)
        passage = Passage(text[first:end], start - first, around)
        found.append(Sentence(passage, start, joined([each[number] for each in told])))
    return Parted(found, asking.questions(found))


def _check_cuts(policy: Policy, screener: Screener) -> None:
    for rule in policy.rules:
        if rule.config.enforce != "cut":
            continue
        need = frozenset({Need(rule.detector, rule.types.patterns, rule.score)}) if rule.detector else None
        if need is None or not screener.may_cut(need):
            raise ConfigError(
                f"rule {rule.id}: `cut` is for detectors that read sentences; patterns always hold back what "
                "they may find, and what reads whole answers cannot let go of a part",
                file=rule.file,
                line=rule.line,
                key="enforce",
            )
