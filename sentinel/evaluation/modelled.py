"""The models that answer for some detectors, asked about many texts in batches.

A sample of each file is asked about one by one, so that times are those of one text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import msgspec

from sentinel.core.background import Passage
from sentinel.core.finding import Inspection
from sentinel.evaluation.rows import Case
from sentinel.guard.cascade import AskNow, Served
from sentinel.models.config import ModelsConfig
from sentinel.models.plane import only

TIMED = 100  # texts of a file that are asked about one by one


class Asked(Served, Protocol):
    """What `sdk.models_of` gives."""

    @property
    def ask(self) -> AskNow: ...

    def load(self, detectors: Collection[str]) -> None: ...


class Said(msgspec.Struct, frozen=True):
    """What the models say of a text in a detector's name. `elapsed_ns`: None where the text was not asked
    about alone."""

    inspection: Inspection
    elapsed_ns: int | None


class Models:
    """Those that answer for `detectors`, loaded. Raises ConfigError when one cannot be."""

    def __init__(self, asked: Asked, config: ModelsConfig, detectors: Collection[str]) -> None:
        self.served = asked
        self.detectors = asked.detectors.intersection(detectors)
        chains: dict[tuple[str, ...], set[str]] = {}
        for name in sorted(self.detectors):
            models = tuple(each for each, entry in config.detectors.items() if name in entry.detectors(each))
            chains.setdefault(models, set()).add(name)
        # Detectors of the same models are asked together: these read a text once for all of them.
        self._groups = [
            (frozenset(names), min(config.detectors[each].max_batch for each in models))
            for models, names in chains.items()
        ]
        asked.load(self.detectors)

    def ask(
        self,
        cases: Sequence[Case],
        detectors: Collection[str],
        alone: Collection[int],
        done: Callable[[int], None],
    ) -> dict[str, list[Said]]:
        """By detector, an answer for each case. `alone`: those asked about one by one. `done` is told of so
        many more texts that all models have read."""
        answers: dict[str, list[Said]] = {}
        groups = [(names & frozenset(detectors), size) for names, size in self._groups]
        groups = [(names, size) for names, size in groups if names]
        for number, (names, size) in enumerate(groups, 1):
            said = self._group(cases, names, size, alone, done if number == len(groups) else _nobody)
            for name in names:
                answers[name] = [Said(only(each.inspection, name), each.elapsed_ns) for each in said]
        return answers

    def about(self, passages: Sequence[Passage], detector: str) -> list[Inspection]:
        """What they say in a detector's name of the passages of one call."""
        return [only(each, detector) for each in self.served.ask(passages, frozenset((detector,)), None)]

    def _group(
        self,
        cases: Sequence[Case],
        names: frozenset[str],
        size: int,
        alone: Collection[int],
        done: Callable[[int], None],
    ) -> list[Said]:
        said = [Said(Inspection(), None)] * len(cases)
        for index in alone:
            said[index] = self._timed(cases[index], names)
            done(1)
        # Texts of about the same length together: a model reads all of a batch at the longest one's length.
        rest = sorted(set(range(len(cases))).difference(alone), key=lambda index: len(cases[index].text))
        for start in range(0, len(rest), size):
            batch = rest[start : start + size]
            found = self.served.ask([whole(cases[index]) for index in batch], names, None)
            for index, inspection in zip(batch, found, strict=True):
                # What came too late for a deadline in a batch of ours may be in time alone, as in a call.
                late = inspection.failed and len(batch) > 1
                said[index] = self._timed(cases[index], names) if late else Said(inspection, None)
            done(len(batch))
        return said

    def _timed(self, case: Case, names: frozenset[str]) -> Said:
        started = time.perf_counter_ns()
        (inspection,) = self.served.ask([whole(case)], names, None)
        return Said(inspection, time.perf_counter_ns() - started)


def sample(count: int) -> frozenset[int]:
    """Which of so many cases are asked about one by one: some from all over the file, which may be sorted."""
    return frozenset(number * count // TIMED for number in range(TIMED)) if count else frozenset()


def whole(case: Case) -> Passage:
    """Its text, as a model is given it."""
    return Passage(case.text, 0, case.background)


def _nobody(count: int) -> None:
    pass
