"""`kind: onnx`: a classification model as an ONNX file with its tokenizer.json, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Inspection
from sentinel.models import _runtime
from sentinel.models._loading import existing, loading, package
from sentinel.models._scores import checked_labels, highest, inspection, with_cut
from sentinel.models.base import Passage, key_of
from sentinel.models.inference import not_a_number

_IDS = "tensor(int64)"


class OnnxConfig(BaseModel):
    """One ONNX file that takes token ids and gives one row of logits a text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parallel: ClassVar[bool] = True

    kind: Literal["onnx"] = "onnx"
    path: Path = Field(description="The .onnx file.")
    tokenizer: Path | None = Field(
        None, description="Its tokenizer.json; absent: the one beside the .onnx file."
    )
    label_names: tuple[str, ...] = Field(
        (), description="The model's labels in the order of its output; empty: `id2label` of config.json."
    )
    labels: dict[str, str] = Field(
        min_length=1,
        description="The model's label -> finding type; labels that are not named are no findings.",
    )
    several: bool = Field(
        False, description="Whether a text may have several labels at once (sigmoid) or has one (softmax)."
    )
    tokens: int = Field(
        512, ge=8, description="Tokens that the model reads at once; more go through windows."
    )
    device: str = Field("cpu", pattern=r"^(cpu|cuda(:\d+)?)$", description="`cpu` or `cuda:N`.")
    threads: int = Field(1, ge=1, description="Threads of one run on a CPU.")


class OnnxModel:
    """Labels of texts, as findings."""

    compares = False

    def __init__(self, name: str, config: OnnxConfig, state_dir: Path) -> None:
        self.name = name
        self.types = frozenset(config.labels.values())
        self.version = f"onnx-{config.path.name}"
        self._config = config
        self._key = key_of(name)
        self._session: Any = None
        self._tokenizer: Any = None
        self._types: list[str | None] = []

    def load(self) -> None:
        """Raises ConfigError."""
        config, key = self._config, self._key
        runtime = package("onnxruntime", "models", key)
        package("tokenizers", "models", key)
        path = existing(config.path, f"{key}.path")
        if path.is_dir():
            raise ConfigError(f"{path} is a folder; name the .onnx file in it", key=f"{key}.path")
        beside = config.tokenizer or path.parent / "tokenizer.json"
        tokenizer = _runtime.tokenizer(existing(beside, f"{key}.tokenizer"), f"{key}.tokenizer")
        with loading(f"the ONNX file {path}", f"{key}.path"):
            session = _runtime.session(runtime, path, config.device, config.threads, f"{key}.device")
        names = config.label_names or _label_names(path.parent / "config.json", f"{key}.label_names")
        types = checked_labels(config.labels, names, f"{key}.labels")
        self._check_shapes(session)
        width = session.get_outputs()[0].shape[-1]
        if isinstance(width, int) and width != len(names):
            message = f"the model gives {width} numbers a text, and {len(names)} labels are named"
            raise ConfigError(message, key=f"{key}.label_names")
        self._session, self._tokenizer, self._types = session, tokenizer, types

    def _check_shapes(self, session: Any) -> None:
        key = f"{self._key}.path"
        given = {each.name: each.type for each in session.get_inputs()}
        known = all(name in _runtime.INPUTS and type_ == _IDS for name, type_ in given.items())
        if not known or "input_ids" not in given:
            told = ", ".join(f"`{name}` ({type_})" for name, type_ in given.items())
            message = f"it takes {told}; a model for texts takes {', '.join(_runtime.INPUTS)}, each {_IDS}"
            raise ConfigError(message, key=key)
        output = session.get_outputs()[0]
        if len(output.shape) != 2:
            message = (
                f"its first output `{output.name}` has {len(output.shape)} dimensions, and one row of logits "
                "a text has 2: export it for sequence classification"
            )
            raise ConfigError(message, key=key)

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        config = self._config
        texts = [passage.text[passage.start :] for passage in passages]
        chosen = _runtime.windows(self._tokenizer, texts, config.tokens)
        rows = _runtime.run(self._session, chosen, [self._session.get_outputs()[0].name])
        best: list[dict[str, float]] = [{} for _ in passages]
        for window, (row,) in zip(chosen, rows, strict=True):
            with np.errstate(invalid="ignore"):
                scores = _sigmoid(row) if config.several else _softmax(row)
            if np.isnan(scores).any():
                raise not_a_number()
            for type_, score in highest(self._types, scores.tolist()).items():
                best[window.owner][type_] = max(best[window.owner].get(type_, 0.0), score)
        why = config.path.name
        answers = [inspection(self.name, *each, why) for each in zip(passages, best, strict=True)]
        return with_cut(answers, chosen, self.name)

    def unload(self) -> None:
        self._session = self._tokenizer = None


def _label_names(path: Path, key: str) -> tuple[str, ...]:
    try:
        names: dict[str, str] = msgspec.json.decode(path.read_bytes())["id2label"]
        return tuple(names[str(index)] for index in range(len(names)))
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        message = f"name the model's labels here: {path} has no `id2label`"
        raise ConfigError(message, key=key) from None


def _softmax(row: NDArray[Any]) -> NDArray[Any]:
    raised = np.exp(row - row.max())
    answer: NDArray[Any] = raised / raised.sum()
    return answer


def _sigmoid(row: NDArray[Any]) -> NDArray[Any]:
    answer: NDArray[Any] = 0.5 * (1.0 + np.tanh(0.5 * row))
    return answer
