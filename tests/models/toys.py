"""Models of the test's own, as a user would write them. What one does depends on words of the text."""

from __future__ import annotations

import ctypes
import math
import re
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from sentinel.core.background import Background
from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors.registry import DetectorsConfig
from sentinel.models.base import NotHere, Passage, key_of

# Word -> place and score of what is found.
ODD: dict[str, tuple[tuple[int, int], float]] = {
    "nan": ((0, 1), math.nan),
    "certain": ((0, 1), 7.0),
    "outside": ((0, 1000), 0.9),
    "half": ((0, 1), np.float64(0.5)),
}


class ToySettings(BaseModel):
    """`path`: a file that must be there to load."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    path: Path | None = None
    pause_s: float = 0.0
    device: str = "cpu"


class Toy:
    """Finds each `rude`. `explode` raises, `exit` ends the thread as far as code can, `memory` needs too
    much, `sleep` sleeps, `hang` hangs, `seize` does so and lets no other thread run, `few` makes it answer
    too little, and words of `ODD` odd things."""

    Settings: ClassVar[type[BaseModel]] = ToySettings

    def __init__(self, name: str, settings: ToySettings, state_dir: Path) -> None:
        self.name, self.version, self.types = name, "toy-1", frozenset({"RUDE"})
        self._settings = settings
        self.batches: list[int] = []
        self.loads = 0
        self.loaded = False

    def load(self) -> None:
        path = self._settings.path
        if path is not None and not path.exists():
            raise ConfigError(f"{path} does not exist", key=f"{key_of(self.name)}.path")
        self.loads += 1
        self.loaded = True

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        assert self.loaded
        self.batches.append(len(passages))
        time.sleep(self._settings.pause_s)
        words = [word for passage in passages for word in passage.text.split()]
        if "explode" in words:
            raise ValueError(f"cannot read {passages[0].text}")
        if "exit" in words:
            raise SystemExit(1)
        if "memory" in words and len(passages) > 1:
            raise RuntimeError("CUDA out of memory")
        if "sleep" in words:
            time.sleep(0.5)
        if "hang" in words:
            time.sleep(60)
        if "seize" in words:
            re.match("(a+)+$", 60 * "a" + "b")
        if "string" in words:
            return ["rude"] * len(passages)  # type: ignore[list-item]  # that is the mistake
        answers = [self._read(passage) for passage in passages]
        return answers[1:] if "few" in words else answers

    def _read(self, passage: Passage) -> Inspection:
        for word, (place, score) in ODD.items():
            if word in passage.text:
                return Inspection((Finding(self.name, "RUDE", *place, score),))
        place = passage.text.find("rude", passage.start)
        if place < 0:
            return Inspection((), {self.name: 0.01})
        unsure = (self.name,) if "perhaps" in passage.text else ()
        return Inspection((Finding(self.name, "RUDE", place, place + 4, 0.9),), {self.name: 0.9}, {}, unsure)

    def unload(self) -> None:
        self.loaded = False


class Hanging(Toy):
    """Waits for its file."""

    def load(self) -> None:
        path = self._settings.path
        while path is not None and not path.exists():
            time.sleep(0.02)
        super().load()


class Alone(Toy):
    """Hangs and lets no other thread run meanwhile, as a library may."""

    def load(self) -> None:
        ctypes.PyDLL(None).sleep(60)


class Following(Toy):
    """Its answers depend on how a detector of the data plane is set."""

    def beside(self, detectors: DetectorsConfig) -> None:
        self.version = f"follows-{detectors.injection.max_chars}"


class Faulty(Toy):
    """What a library does when a disk is broken."""

    def load(self) -> None:
        raise OSError(5, "Input/output error")


class AbsentSettings(ToySettings):
    serves: ClassVar[tuple[str, ...]] = ("toxicity", "topics")


class Absent(Toy):
    """An encoder without its base."""

    Settings = AbsentSettings

    def load(self) -> None:
        raise NotHere("no base", key="models.detectors.absent.base")


class Questioning(Toy):
    """Reads the question, and no more of the background."""

    def reads(self, background: Background) -> Background:
        return Background(question=background.question)


class SureSettings(ToySettings):
    serves: ClassVar[tuple[str, ...]] = ("manners",)


class Sure(Toy):
    """Answers for the detector `manners`, and is always sure."""

    Settings = SureSettings

    def __init__(self, name: str, settings: ToySettings, state_dir: Path) -> None:
        super().__init__("manners", settings, state_dir)
        self.version = "sure-1"
        self.detectors = frozenset({"manners"})

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        self.batches.append(len(passages))
        return [Inspection((), {"manners": 0.2})] * len(passages)


class PairSettings(ToySettings):
    parallel: ClassVar[bool] = True


class Pair(Toy):
    """Its batches of `together` answer only when two of them run at the same time."""

    Settings = PairSettings

    def __init__(self, name: str, settings: ToySettings, state_dir: Path) -> None:
        super().__init__(name, settings, state_dir)
        self._both = threading.Barrier(2)

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        if any(passage.text.startswith("together") for passage in passages):
            self._both.wait(10)
        return super().infer(passages)


class ManySettings(ToySettings):
    serves: ClassVar[tuple[str, ...]] = ("one", "two")


class Many(Toy):
    """Answers for two detectors, as an encoder with two heads does."""

    Settings = ManySettings
    detectors = frozenset({"one", "two"})
    batches: list[int] = []

    def __init__(self, name: str, settings: ToySettings, state_dir: Path) -> None:
        self.name, self.version, self.types = name, "many-1", frozenset({"A"})

    def load(self) -> None:
        pass

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        self.batches.append(len(passages))
        return [Inspection((), {"one": 0.1, "two": 0.2})] * len(passages)
