"""`models:`, what the model plane serves and where it is reached."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from sentinel.core import address
from sentinel.core.errors import ConfigError
from sentinel.core.mistakes import mistakes_of
from sentinel.core.needs import Finds
from sentinel.core.source import KeyPath
from sentinel.models import registry

SOCKET = "models.sock"
_MOST_AT_ONCE = 4  # batches, when nobody says how many: callers' own work needs processors too
_LONGEST_SOCKET = 107  # characters of a unix socket's path, of which the kernel keeps no more


class ModelConfig(BaseModel):
    """One entry of `models.detectors`: how the plane runs a model, and the settings of its kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_batch: int = Field(
        16,
        ge=1,
        le=1024,
        description="Texts that run together. A processor gains nothing from more, and while one batch runs "
        "the next one comes together; a GPU gains from 64 and more.",
    )
    max_wait_ms: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="A text waits so long for others while the model is free. With 0 it runs at once, and "
        "texts that come meanwhile form the next batch.",
    )
    queue: int = Field(
        1024,
        ge=1,
        description="Texts that may wait; one more is answered at once as failed. Of one call, half as many "
        "wait at most, and its others follow as these are answered.",
    )
    deadline_ms: int = Field(
        2000, ge=1, description="A text that has no answer after so long is answered as failed."
    )
    idle_s: float | None = Field(
        None, gt=0, description="Unloaded when nobody asked for so long, seconds; loaded again on demand."
    )
    load_timeout_s: float = Field(
        300.0,
        gt=0,
        description="A load that takes longer counts as failed until it ends, seconds; what it reads from a "
        "network is prepared beforehand by `sentinel models prepare`.",
    )
    stuck_s: float = Field(
        120.0, gt=0, description="A batch that runs for so long has hung: the model plane starts anew."
    )
    at_once: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Batches that run at the same time, each on a thread of its own (kinds `encoder` and "
        "`onnx`); absent: as many as the plane has processors for them, 4 at most, and 1 on a GPU.",
    )
    scope: Literal["sentence", "text"] | None = Field(
        None,
        description="What of an answer is asked about: each `sentence` by itself, so that a streamed answer "
        "waits for one sentence, or the whole `text`. Absent: sentences for `detoxify`, `nli`, `spacy`, "
        "whatever has `task: tokens` and the encoder's `toxicity`, texts for others. Prompts and documents "
        "are always asked about whole.",
    )
    settings: SerializeAsAny[BaseModel] = Field(description="The settings of the kind.")

    @model_validator(mode="before")
    @classmethod
    def _of_its_kind(cls, value: Any) -> Any:
        """The settings of the kind stand beside ours in the file."""
        if not isinstance(value, dict) or isinstance(value.get("settings"), BaseModel):
            return value
        kind = value.get("kind")
        if not isinstance(kind, str):
            raise ValueError(f"`kind` is missing; write one of {', '.join(registry.KINDS)}")
        ours = cls.model_fields.keys() - {"settings"}
        theirs = {key: part for key, part in value.items() if key not in ours}
        try:
            settings = registry.settings_of(kind)
            made = settings.model_validate(theirs)
        except ValidationError as error:
            raise _mistakes(mistakes_of(error, settings)) from None
        except ValueError as error:
            raise _mistakes([(("kind",), str(error))]) from None
        return {**{key: part for key, part in value.items() if key in ours}, "settings": made}

    @model_serializer(mode="wrap")
    def _as_written(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The settings of the kind stand beside ours again, for what is written can be read."""
        ours = plain(self)
        return {**ours.pop("settings"), **ours}

    @model_validator(mode="after")
    def _can_run_at_once(self) -> Self:
        if (self.at_once or 1) > 1 and not self._parallel:
            kind = registry.kind_of(self.settings)
            raise ValueError(f"`at_once` is {self.at_once}, and a `{kind}` runs one batch at a time")
        return self

    @property
    def _parallel(self) -> bool:
        return bool(getattr(self.settings, "parallel", False))

    @property
    def batches(self) -> int:
        """That run at the same time."""
        if self.at_once is not None or not self._parallel:
            return self.at_once or 1
        if getattr(self.settings, "device", "cpu") != "cpu":
            return 1
        threads = int(getattr(self.settings, "threads", 1))
        return max(1, min(_MOST_AT_ONCE, _processors() // threads))

    def detectors(self, name: str) -> frozenset[str]:
        """The detectors that it answers for, under the name that the user gave it."""
        return frozenset(getattr(self.settings, "serves", (name,)))

    def finds(self, name: str) -> Finds:
        """What they can find, where the settings tell."""
        ours = registry.kind_of(self.settings) in registry.KINDS
        labels: dict[str, str] = getattr(self.settings, "labels", {}) if ours else {}
        told: Finds = {name: frozenset(labels.values())} if labels else {}
        told = getattr(self.settings, "finds", told)
        return told

    def by_sentence(self, name: str) -> frozenset[str]:
        """Those of them that are asked about each sentence of an answer."""
        served = self.detectors(name)
        if self.scope is not None:
            return served if self.scope == "sentence" else frozenset()
        judged: bool | frozenset[str] = getattr(self.settings, "by_sentence", False)
        return served & judged if isinstance(judged, frozenset) else served if judged else frozenset()


def _processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _mistakes(told: Sequence[tuple[KeyPath, str]]) -> ValidationError:
    """Mistakes at places below the present one, told already."""
    lines = [
        InitErrorDetails(
            type=PydanticCustomError("value_error", "{told}", {"told": sentence}), loc=where, input=None
        )
        for where, sentence in told
    ]
    return ValidationError.from_exception_data("models", lines)


class ConnectConfig(BaseModel):
    """`models.connect:` but for TLS."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(description="HOST:PORT, or unix:/path/to/socket.")

    @field_validator("address")
    @classmethod
    def _can_be_called(cls, value: str) -> str:
        return address.checked(value)


class ModelsConfig(BaseModel):
    """`models:` but for TLS, which is composed in `sentinel.config`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: str | None = Field(
        None,
        description="Where `sentinel models` listens: unix:/path or HOST:PORT (default: `models.sock` in the "
        "state directory, for its own user alone).",
    )
    admin: str | None = Field(
        None,
        description="HOST:PORT of /healthz, /readyz and /metrics of `sentinel models` on its own; off when "
        "absent. Under `sentinel serve` its figures are with the others.",
    )
    max_in_flight: int = Field(
        1024,
        ge=1,
        description="Calls of one sidecar process to the model plane at a time; one more counts as failed.",
    )
    cache: int = Field(
        20_000, ge=0, description="Answers that the model plane keeps, by a keyed hash of the text; 0: none."
    )
    cache_bytes: int = Field(
        64 * 1024 * 1024, ge=0, description="Memory of these answers at most; what was used longest ago goes."
    )
    detectors: dict[str, ModelConfig] = Field(
        {},
        description="Name -> model: its `kind` (encoder, detoxify, transformers, onnx, spacy, nli, or "
        "package.module:Class of your own), the kind's keys (docs/models.md), and how it is run. Rules ask "
        "for it by the name, for an encoder by its heads' names.",
    )

    @field_validator("listen")
    @classmethod
    def _can_listen(cls, value: str | None) -> str | None:
        return None if value is None else address.checked(value)

    @field_validator("admin")
    @classmethod
    def _operators_can_connect(cls, value: str | None) -> str | None:
        return None if value is None else address.checked_tcp(value)

    @model_validator(mode="after")
    def _same_names(self) -> Self:
        for name in self.detectors:
            if not name.replace("_", "").replace("-", "").isalnum():
                raise ValueError(f"`detectors` has the name {name[:60]!r}; use letters, digits, - and _")
        return self

    @property
    def by_model(self) -> dict[str, frozenset[str]]:
        """The detectors that each model answers for."""
        return {name: model.detectors(name) for name, model in self.detectors.items()}

    @property
    def served(self) -> frozenset[str]:
        """The detectors that some model answers for."""
        return frozenset().union(*self.by_model.values())

    @property
    def finds(self) -> Finds:
        """What they can find, of those all of whose models tell."""
        made: dict[str, frozenset[str]] = {}
        for detector in self.served:
            models = [
                (each, name) for name, each in self.detectors.items() if detector in each.detectors(name)
            ]
            told = [each.finds(name).get(detector) for each, name in models]
            known = [types for types in told if types is not None]
            if len(known) == len(told):
                made[detector] = frozenset().union(*known)
        return made

    @property
    def late_after_ms(self) -> dict[str, int]:
        """Detector -> ms after which none of its models is waited for. Each counts from the beginning of a
        call, so of several it is the longest."""
        late: dict[str, int] = {}
        for name, model in self.detectors.items():
            for detector in model.detectors(name):
                late[detector] = max(late.get(detector, 0), model.deadline_ms)
        return late

    @property
    def stuck_s(self) -> float:
        """Seconds after which whatever batch runs has hung."""
        return max(model.stuck_s for model in self.detectors.values())

    @property
    def tried_within_s(self) -> float:
        """Seconds after which each model was tried to load, one after another."""
        return sum(model.load_timeout_s for model in self.detectors.values())

    @property
    def by_sentence(self) -> frozenset[str]:
        """Those of them that are asked about each sentence of an answer, by every model that answers."""
        whole = (model.detectors(name) - model.by_sentence(name) for name, model in self.detectors.items())
        return self.served.difference(*whole)

    def place(self, state_dir: Path) -> str:
        """Where `sentinel models` listens. Raises ConfigError when the path is too long for a socket."""
        if self.listen is not None:
            return self.listen
        path = str((state_dir / SOCKET).resolve())
        if len(path.encode()) > _LONGEST_SOCKET:
            message = f"{path} is too long for a unix socket; write a shorter unix:/path"
            raise ConfigError(message, key="models.listen")
        return f"unix:{path}"


class Answering:
    """What the models of a configuration answer for (`guard.cascade.Served`), wherever they run."""

    def __init__(self, models: ModelsConfig) -> None:
        self.detectors = models.served
        self.by_model = models.by_model
        self.finds = models.finds
        self.by_sentence = models.by_sentence
