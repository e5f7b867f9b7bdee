"""A policy together with the detectors that it asks: what a reload swaps, as one value."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

from sentinel.core.background import NO_BACKGROUND, Background, reads_of, stage_and_role
from sentinel.core.errors import ConfigError
from sentinel.core.exchange import CallContext, Stage
from sentinel.core.finding import Inspection
from sentinel.core.needs import Need, Needs, detectors_of, everything
from sentinel.detectors.base import by_form, by_sentence, quick, reads
from sentinel.detectors.registry import (
    DetectorsConfig,
    DetectorSet,
    Scope,
    View,
    joined,
    known_detectors,
    load_detectors,
)
from sentinel.detectors.stream import Inspector, Reader, SentenceInspector, Together
from sentinel.guard.cascade import NO_MODELS, Question, Served, questions
from sentinel.guard.gates import Gates, gates_of
from sentinel.guard.memory import SHORTEST, Memory
from sentinel.policy.engine import Policy, Selection
from sentinel.policy.load import load_policy


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
        """See `DetectorSet.scopes`. What the model plane may be asked for needs the whole text."""
        scopes = self.detectors.scopes(needs)
        return scopes | {"text"} if self.asks_models(needs) else scopes

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
        return bool(self.models.detectors and self.models.detectors & detectors_of(needs))

    def questions(
        self,
        texts: Sequence[str],
        needs: Needs,
        backgrounds: Sequence[Background],
        inspections: Sequence[Inspection],
        extra: Collection[str] = (),
    ) -> list[Question]:
        """What the model plane is to be asked, given what was found here."""
        served = self.models.detectors
        if not served:
            return []
        needed = served & detectors_of(needs).union(extra)
        if not needed:
            return []
        forms = {other.name: by_form(other) for other in self.detectors.view(needs).others}
        return questions(needed, self.detectors.names, texts, backgrounds, inspections, forms)

    def inspector(self, selection: Selection, background: Background = NO_BACKGROUND) -> Reader:
        """For one text that arrives in pieces, asked for what the rules of a selection need."""
        view = self.detectors.view(selection.needs)
        patterns = Inspector(self.detectors, view, self.detectors.live(view))
        sentences = self.sentence_inspector(selection, background)
        return patterns if sentences is None else Together(patterns, sentences)

    def sentence_inspector(
        self, selection: Selection, background: Background = NO_BACKGROUND
    ) -> SentenceInspector | None:
        """The same for the detectors that read sentences alone; None where no rule needs one."""
        others = self.detectors.view(selection.needs).others
        readers = [
            reader
            for other in others
            if reads(other, Stage.OUTPUT) and (reader := by_sentence(other)) is not None
        ]
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
        view = self.detectors.view(needs)
        given = backgrounds or [NO_BACKGROUND] * len(texts)
        if len(texts) == 1:
            return [self.detectors.inspect(texts[0], view, given[0])]
        return [self._recalled(text, view, tenant, each) for text, each in zip(texts, given, strict=True)]

    def _recalled(self, text: str, view: View, tenant: str, background: Background) -> Inspection:
        """Detectors that compare the text with what stands around it are asked apart: to them alone it is new
        where that has changed, as with every question of a conversation."""
        if len(text) < SHORTEST:
            return self.detectors.inspect(text, view, background)
        plain = stage_and_role(background)
        alone: list[int] = []
        compared: list[tuple[int, Background]] = []
        for number, other in enumerate(view.others):
            around = reads_of(other)(background)
            if around == plain:
                alone.append(number)
            elif reads(other, background.stage):
                compared.append((number, around))
        found = [self._known(text, view, tenant, background, alone, "", view.expressions)]
        found += [
            self._known(text, view, tenant, background, [number], repr(around)) for number, around in compared
        ]
        return joined(found)

    def _known(
        self,
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
            found = self.detectors.inspect(text, part, background)
            self.memory.keep(key, found)
        return found

    def inspect_for(
        self, text: str, needs: Needs, detectors: Collection[str], background: Background = NO_BACKGROUND
    ) -> Inspection:
        """The same, and all that `detectors` find. The first time, they may have to be loaded (seconds)."""
        if not detectors:
            return self.inspect([text], needs, backgrounds=[background])[0]
        complete = self._complete()
        here = everything(complete.names.intersection(detectors))
        return complete.inspect(text, complete.view(needs | here), background)

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
    """Read the rules and load the detectors that they (or the caller) ask for, but for those that `models`
    answers for alone.

    Raises ConfigError naming file, line and key.
    """
    policy = load_policy(rules, known_detectors() | models.detectors)
    elsewhere = models.detectors - known_detectors()
    needs = policy.needs | everything(extra_detectors - elsewhere)
    names = (policy.detectors | extra_detectors) - elsewhere
    detectors = load_detectors(config, names, cache_dir, needs)
    _check_cuts(policy, detectors)
    complete = everything(names)
    if needs >= complete:
        return Screener(policy, detectors, models=models)
    return Screener(policy, detectors, lambda: load_detectors(config, names, cache_dir, complete), models)


def _check_cuts(policy: Policy, detectors: DetectorSet) -> None:
    for rule in policy.rules:
        if rule.config.enforce != "cut":
            continue
        need = frozenset({Need(rule.detector, rule.types.patterns, rule.score)}) if rule.detector else None
        if need is None or detectors.scopes(need) != {"sentence"}:
            raise ConfigError(
                f"rule {rule.id}: `cut` is for detectors that read sentences; patterns always hold back what "
                "they may find, and what reads whole answers cannot let go of a part",
                file=rule.file,
                line=rule.line,
                key="enforce",
            )
