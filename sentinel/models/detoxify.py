"""`kind: detoxify`: the package detoxify (https://github.com/unitaryai/detoxify), any of its variants.

Online, `variant` names what the package downloads. Offline, `checkpoint` is its .ckpt file and
`config_path` a folder with the base model's config.json and tokenizer. The package's own offline way
(`huggingface_config_path`) takes the number of labels from that folder, which has the base model's, so its
function below is called with the folder as the base model.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Inspection
from sentinel.models import _torch
from sentinel.models._loading import digest, existing, loading, package
from sentinel.models._scores import Label, classified
from sentinel.models.base import Passage, key_of

Variant = Literal["original", "unbiased", "multilingual", "original-small", "unbiased-small"]

# Detoxify's labels, in the words of its newer and older variants, and ours. `severe_toxicity` only repeats
# `toxicity` with a higher bar: a rule has its `score` for that.
TYPES = {
    "toxicity": "TOXIC",
    "toxic": "TOXIC",
    "obscene": "OBSCENE",
    "sexual_explicit": "OBSCENE",
    "insult": "INSULT",
    "threat": "THREAT",
    "identity_attack": "IDENTITY_ATTACK",
    "identity_hate": "IDENTITY_ATTACK",
}


class DetoxifyConfig(BaseModel):
    """One Detoxify model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by_sentence: ClassVar[bool] = True

    kind: Literal["detoxify"] = "detoxify"
    variant: Variant = Field("original", description="Which of the package's models to download and load.")
    checkpoint: Path | None = Field(
        None, description="A checkpoint file (.ckpt) in place of the download; needs `config_path`."
    )
    config_path: Path | None = Field(
        None, description="A folder with config.json and tokenizer of the checkpoint's base model."
    )
    trust_checkpoint: bool = Field(
        False,
        description="Load a checkpoint that holds more than weights and settings. Such a file can run any "
        "code: only for files of your own.",
    )
    device: str = Field("cpu", pattern=r"^(cpu|cuda(:\d+)?)$", description="`cpu` or `cuda:N`.")
    precision: _torch.Precision = Field("fp32", description="fp32, fp16, bf16, or (on a CPU) int8.")

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if (self.checkpoint is None) != (self.config_path is None):
            raise ValueError("`checkpoint` and `config_path` go together: write both, or neither")
        return self


class DetoxifyModel:
    """Probabilities of toxicity and its kinds."""

    types = frozenset(TYPES.values())
    compares = False

    def __init__(self, name: str, config: DetoxifyConfig, state_dir: Path) -> None:
        self.name = name
        self._config = config
        self._key = key_of(name)
        self._model: Any = None
        self._tokenizer: Any = None
        self._labels: list[str] = []
        chosen = config.checkpoint.name if config.checkpoint else config.variant
        self.version = f"detoxify-{chosen}-{config.precision}"

    def load(self) -> None:
        """Raises ConfigError."""
        config = self._config
        detoxify = package("detoxify", "detoxify", self._key)
        if config.checkpoint is not None and config.config_path is not None:
            existing(config.checkpoint, f"{self._key}.checkpoint")
            base = existing(config.config_path, f"{self._key}.config_path")
            state = digest([config.checkpoint, base / "config.json", base / "tokenizer.json"])
            self.version = f"detoxify-{config.checkpoint.name}@{state}-{config.precision}"
        where = _torch.device(config.device, f"{self._key}.device")
        what = f"the Detoxify model `{config.checkpoint or config.variant}`"
        with loading(what, self._key):
            if config.checkpoint is not None:
                model, tokenizer, labels = self._checkpoint(detoxify, config.checkpoint, config.config_path)
            else:
                loaded = detoxify.Detoxify(config.variant)
                model, tokenizer, labels = loaded.model, loaded.tokenizer, list(loaded.class_names)
            if not {"toxic", "toxicity"} & set(labels):
                told = ", ".join(f"`{label}`" for label in labels)
                message = f"the checkpoint has no label `toxicity`; it has {told}"
                raise ConfigError(message, key=f"{self._key}.checkpoint")
            if not tokenizer.is_fast:
                # The class that the checkpoint names (`BertTokenizer`) was a slow one until transformers 5.
                tokenizer = _torch.tokenizer(tokenizer.name_or_path, self._key)
            self._model = _torch.placed(model, where, config.precision, f"{self._key}.precision")
            self._tokenizer, self._labels = tokenizer, labels

    def _checkpoint(self, detoxify: Any, path: Path, base: Path | None) -> tuple[Any, Any, list[str]]:
        import torch

        key = f"{self._key}.checkpoint"
        trusted = self._config.trust_checkpoint
        try:
            loaded = torch.load(path, map_location="cpu", weights_only=not trusted)
            arguments = loaded["config"]["arch"]["args"]
            labels = list(loaded["config"]["dataset"]["args"]["classes"])
            weights = loaded["state_dict"]
        except pickle.UnpicklingError:
            hint = "" if trusted else ", or one with more than weights in it: see `trust_checkpoint`"
            raise ConfigError(f"{path} is no checkpoint{hint}", key=key) from None
        except (KeyError, TypeError):
            message = f"{path} is no checkpoint of Detoxify: it needs `config` and `state_dict`"
            raise ConfigError(message, key=key) from None
        make = detoxify.detoxify.get_model_and_tokenizer
        # A folder with tokenizer.json alone is enough for `AutoTokenizer`, and not for every named class.
        own = {"model_type": str(base), "tokenizer_name": "AutoTokenizer"}
        model, tokenizer = make(**{**arguments, **own}, state_dict=weights)
        return model, tokenizer, labels

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        texts = [passage.text[passage.start :] for passage in passages]
        chosen = _torch.windows(self._tokenizer, texts)
        rows = _torch.run(self._model, self._tokenizer, chosen, lambda logits: logits.sigmoid())
        labels = [Label(label, TYPES.get(label)) for label in self._labels]
        # The `unbiased` variants give more numbers than labels: those of groups that are spoken of.
        rows = [row[: len(labels)] for row in rows]
        what = f"Detoxify ({self._config.variant if self._config.checkpoint is None else 'own checkpoint'})"
        return classified(self.name, passages, chosen, rows, labels, what)

    def unload(self) -> None:
        where = None if self._model is None else next(self._model.parameters()).device
        self._model = self._tokenizer = None
        _torch.freed(where)
