"""What a model is: something heavy that is loaded, reads many passages at once, and can be put away again.

The class of a kind (see `registry`) takes `(name, settings, state_dir)`: the name that the user gave it under
`models.detectors`, the kind's settings and the folder for what it prepares. The constructor is quick and
imports nothing heavy.

What a model may have besides:
- `detectors: frozenset[str]`, the names that its findings and scores bear (absent: its own name); its
  settings class then says the same in a class variable `serves`, which is read without making the model;
- `finds`, a property of its settings class: of each of these names the finding types that it can give, where
  the settings tell; a rule about others does not ask it, unless a detector of that name judges texts in the
  sidecar;
- `compares = False` when it reads no more of the background than stage and role: equal texts of different
  conversations are then answered from the cache;
- `reads(background)`, what it reads of the background where that is neither all nor so little, as a
  background of its own;
- `parallel = True` in a class variable of its settings class, when `infer` may run on several threads at the
  same time;
- `beside(detectors)`, told the settings of the data plane's detectors before `load`, and again when they
  change; raises ConfigError on one that is wrong;
- `by_sentence`, a class variable or property of its settings class: True, or some of the names, where it is
  to be asked about each sentence of an answer by itself; `scope` in its entry has the last word;
- `prepare(progress)`, which makes or downloads what `load` needs and takes long. `progress` is told what is
  done now and how far all is, in [0, 1]. Without it, `sentinel models prepare` loads and unloads the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from sentinel.core.background import Passage, Reads, reads_of
from sentinel.core.errors import ConfigError
from sentinel.core.finding import Inspection


class Model(Protocol):
    """One loaded thing. Two of its methods never run at the same time, but for `infer` on several threads,
    where the settings class says `parallel`.

    `version` changes whenever answers may; it is read after `load`. `types` are all finding types that it
    can give.
    """

    name: str
    version: str
    types: frozenset[str]

    def load(self) -> None:
        """Imports and reads what is heavy. Raises ConfigError naming key, file and what to do."""

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        """An answer for each passage, offsets in characters of its `text`. What it raises is told by its
        type alone, for a message might quote a text."""

    def unload(self) -> None:
        """Gives memory back; `load` may follow."""


__all__ = ["Model", "NotHere", "Passage", "Progress", "Reads", "detectors_of", "key_of", "reads_of"]

Progress = Callable[[str, float], None]


class NotHere(ConfigError):
    """What the model is made of is not on this machine, and callers may do without: the smaller detectors of
    the same names decide alone."""


def key_of(name: str) -> str:
    """The key of a model's settings in the configuration, for messages."""
    return f"models.detectors.{name}"


def detectors_of(model: Model) -> frozenset[str]:
    """The names that its findings and scores bear."""
    detectors: frozenset[str] = getattr(model, "detectors", frozenset({model.name}))
    return detectors
