"""`kind: onnx`: a model that classifies texts or tokens, as an ONNX file with its tokenizer.json, from a
folder or the Hugging Face hub, run by onnxruntime."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Inspection
from sentinel.models import _runtime
from sentinel.models._loading import digest, existing, loading, package
from sentinel.models._names import FindingType
from sentinel.models._scores import Label, checked_labels, classified, with_cut
from sentinel.models._spans import Piece, bare, joined, named
from sentinel.models.base import Passage, key_of
from sentinel.models.inference import not_a_number

_IDS = "tensor(int64)"
_USUAL = ("model.onnx", "onnx/model.onnx")  # where exports of Hugging Face's tools have it


class OnnxConfig(BaseModel):
    """One ONNX file that takes token ids and gives one row of logits a text, or one a token."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parallel: ClassVar[bool] = True

    kind: Literal["onnx"] = "onnx"
    path: Path | None = Field(None, description="The .onnx file, or a folder that holds it.")
    model: str | None = Field(None, description="In its place: a name on the Hugging Face hub.")
    revision: str | None = Field(None, description="Commit or tag of a model on the hub; pin it.")
    file: str | None = Field(
        None,
        description="Which file of the folder or of the hub's (`onnx/model_quantized.onnx`); absent: "
        "model.onnx or onnx/model.onnx.",
    )
    tokenizer: Path | None = Field(
        None, description="Its tokenizer.json; absent: the one beside the .onnx file or above it."
    )
    task: Literal["text", "tokens"] = Field(
        "text", description="Whether the model gives labels to whole texts or to their tokens."
    )
    label_names: tuple[str, ...] = Field(
        (), description="The model's labels in the order of its output; empty: `id2label` of config.json."
    )
    labels: dict[str, FindingType] = Field(
        min_length=1,
        description="The model's label -> finding type (capitals, digits and `_`); labels that are not named "
        "are no findings. For tokens without `B-` and `I-`.",
    )
    several: bool = Field(
        False, description="Whether a text may have several labels at once (sigmoid) or has one (softmax)."
    )
    tokens: int = Field(
        512, ge=8, description="Tokens that the model reads at once; more go through windows."
    )
    device: str = Field("cpu", pattern=r"^(cpu|cuda(:\d+)?)$", description="`cpu` or `cuda:N`.")
    threads: int = Field(1, ge=1, description="Threads of one run on a CPU.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.path is None) == (self.model is None):
            raise ValueError("name either `path` or `model`")
        return self

    @property
    def by_sentence(self) -> bool:
        return self.task == "tokens"


class OnnxModel:
    """Labels of texts or of tokens, as findings."""

    compares = False

    def __init__(self, name: str, config: OnnxConfig, state_dir: Path) -> None:
        self.name = name
        self.types = frozenset(config.labels.values())
        self._what = config.model or str(config.path and config.path.name)
        self.version = f"onnx-{self._what}"
        self._config = config
        self._key = key_of(name)
        self._session: Any = None
        self._tokenizer: Any = None
        self._labels: list[Label] = []
        self._alone = False

    def load(self) -> None:
        """Raises ConfigError."""
        config, key = self._config, self._key
        runtime = package("onnxruntime", "models", key)
        package("tokenizers", "models", key)
        path = self._file()
        beside = config.tokenizer or _near(path, "tokenizer.json")
        tokenizer = _runtime.tokenizer(existing(beside, f"{key}.tokenizer"), f"{key}.tokenizer")
        with loading(f"the ONNX file {path}", f"{key}.path"):
            session = _runtime.session(runtime, path, config.device, config.threads, f"{key}.device")
        names = config.label_names or _label_names(_near(path, "config.json"), f"{key}.label_names")
        if config.task == "tokens":
            checked_labels(config.labels, list(dict.fromkeys(map(bare, names))), f"{key}.labels")
            labels = [Label(name, config.labels.get(name)) for name in map(bare, names)]
        else:
            labels = checked_labels(config.labels, names, f"{key}.labels")
        self._check_shapes(session)
        width = session.get_outputs()[0].shape[-1]
        if isinstance(width, int) and width != len(names):
            each = config.task.removesuffix("s")
            message = f"the model gives {width} numbers a {each}, and {len(names)} labels are named"
            raise ConfigError(message, key=f"{key}.label_names")
        pinned = config.revision if config.model is not None else None
        self.version = f"onnx-{self._what}@{pinned or digest([path, *_data(path), beside])}"
        self._alone = session.get_inputs()[0].shape[0] == 1
        self._session, self._tokenizer, self._labels = session, tokenizer, labels

    def _file(self) -> Path:
        """The .onnx file, downloaded when the hub has it. Raises ConfigError."""
        config, key = self._config, self._key
        usual = (config.file,) if config.file else _USUAL
        if config.path is not None:
            folder, place = existing(config.path, f"{key}.path"), f"{key}.path"
            if not folder.is_dir():
                return folder
        else:
            hub, place = package("huggingface_hub", "models", key), f"{key}.model"
            wanted = [*usual, *(f"{name}_data" for name in usual), "*.json"]
            with loading(f"the model `{config.model}`", place):
                folder = Path(
                    hub.snapshot_download(config.model, revision=config.revision, allow_patterns=wanted)
                )
        found = next((folder / name for name in usual if (folder / name).is_file()), None)
        if found is None:
            what = config.model or folder
            message = f"{what} has no {' and no '.join(usual)}: name the .onnx file in `file`"
            raise ConfigError(message, key=place)
        return found

    def _check_shapes(self, session: Any) -> None:
        key = f"{self._key}.path"
        given = {each.name: each.type for each in session.get_inputs()}
        known = all(name in _runtime.INPUTS and type_ == _IDS for name, type_ in given.items())
        if not known or "input_ids" not in given:
            told = ", ".join(f"`{name}` ({type_})" for name, type_ in given.items())
            message = f"it takes {told}; a model for texts takes {', '.join(_runtime.INPUTS)}, each {_IDS}"
            raise ConfigError(message, key=key)
        output = session.get_outputs()[0]
        wanted, task = (2, "sequence") if self._config.task == "text" else (3, "token")
        if len(output.shape) != wanted:
            message = (
                f"its first output `{output.name}` has {len(output.shape)} dimensions, and one row of logits "
                f"a {self._config.task.removesuffix('s')} has {wanted}: export it for {task} classification"
            )
            raise ConfigError(message, key=key)

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        """Raises ConfigError where the file takes one text at a time, and several are given."""
        config = self._config
        if self._alone and len(passages) > 1:
            message = "the model's batch axis is fixed at 1"
            remedy = "export it with a dynamic batch axis, or set max_batch: 1"
            raise ConfigError(f"{message}: {remedy}", key=f"{self._key}.max_batch")
        texts = [passage.text[passage.start :] for passage in passages]
        chosen = _runtime.windows(self._tokenizer, texts, config.tokens)
        names = [self._session.get_outputs()[0].name]
        groups = [[window] for window in chosen] if self._alone else [chosen]
        rows = [row for group in groups for row in _runtime.run(self._session, group, names)]
        if config.task == "tokens":
            return with_cut(self._entities(passages, chosen, [row for (row,) in rows]), chosen, self.name)
        scores = [_probabilities(row, config.several).tolist() for (row,) in rows]
        return classified(self.name, passages, chosen, scores, self._labels, self._what)

    def _entities(
        self,
        passages: Sequence[Passage],
        chosen: Sequence[_runtime.Window],
        rows: Sequence[NDArray[Any]],
    ) -> list[Inspection]:
        """`rows`: of each window, logits by token (S, K), padding behind."""
        pieces: list[list[Piece]] = [[] for _ in passages]
        for window, row in zip(chosen, rows, strict=True):
            scores = _probabilities(row[: len(window.ids)], several=False)
            for (start, end), each in zip(window.offsets, scores, strict=True):
                if end > start:
                    index = int(each.argmax())
                    piece = Piece(start, end, self._labels[index], float(each[index]))
                    pieces[window.owner].append(piece)
        return [
            named(self.name, passage, joined(passage.text[passage.start :], found), self._what)
            for passage, found in zip(passages, pieces, strict=True)
        ]

    def unload(self) -> None:
        self._session = self._tokenizer = None


def _label_names(path: Path, key: str) -> tuple[str, ...]:
    try:
        names: dict[str, str] = msgspec.json.decode(path.read_bytes())["id2label"]
        return tuple(names[str(index)] for index in range(len(names)))
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        message = f"name the model's labels here: {path} has no `id2label`"
        raise ConfigError(message, key=key) from None


def _data(path: Path) -> list[Path]:
    """Where weights of the file stand beside it, as exports name them."""
    return list(path.parent.glob(f"{glob.escape(path.name)}[._]data*"))


def _near(path: Path, name: str) -> Path:
    """Beside the file, or above it, where the hub has it for a file in its folder `onnx`."""
    beside, above = path.parent / name, path.parent.parent / name
    return above if not beside.exists() and path.parent.name == "onnx" and above.exists() else beside


def _probabilities(logits: NDArray[Any], several: bool) -> NDArray[Any]:
    """Along the last axis. Raises NoAnswer where one is no number."""
    with np.errstate(invalid="ignore"):
        scores = _sigmoid(logits) if several else _softmax(logits)
    if np.isnan(scores).any():
        raise not_a_number()
    return scores


def _softmax(logits: NDArray[Any]) -> NDArray[Any]:
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    answer: NDArray[Any] = raised / raised.sum(-1, keepdims=True)
    return answer


def _sigmoid(logits: NDArray[Any]) -> NDArray[Any]:
    answer: NDArray[Any] = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return answer
