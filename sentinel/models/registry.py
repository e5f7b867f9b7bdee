"""The kinds of models. Importing a kind's module is quick; `load` of the model brings what is heavy.

A kind of one's own is written `package.module:Class`: a model's class (see `base`) with an attribute
`Settings`, a pydantic model that has a field `kind`.
"""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sentinel.core.paths import FOLDER_OR_NAME, is_folder
from sentinel.detectors.registry import DetectorsConfig
from sentinel.models._loading import existing
from sentinel.models.base import Model, key_of

# Kind -> its settings and its class, which takes (name, settings, state_dir).
KINDS: dict[str, tuple[str, str]] = {
    "encoder": ("sentinel.models.encoder:EncoderConfig", "sentinel.models.encoder:EncoderModel"),
    "detoxify": ("sentinel.models.detoxify:DetoxifyConfig", "sentinel.models.detoxify:DetoxifyModel"),
    "transformers": (
        "sentinel.models.transformers:TransformersConfig",
        "sentinel.models.transformers:TransformersModel",
    ),
    "onnx": ("sentinel.models.onnx:OnnxConfig", "sentinel.models.onnx:OnnxModel"),
    "spacy": ("sentinel.models.spacy:SpacyConfig", "sentinel.models.spacy:SpacyModel"),
    "nli": ("sentinel.models.nli:NliConfig", "sentinel.models.nli:NliModel"),
}


def settings_of(kind: str) -> type[BaseModel]:
    """The settings class of a kind. Raises ValueError saying what to write instead."""
    settings: type[BaseModel]
    if ":" in kind:
        settings = _theirs(kind).Settings
        return settings
    if kind not in KINDS:
        close = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(KINDS)}"
        raise ValueError(f"no kind `{kind[:60]}`; {hint}")
    settings = _named(KINDS[kind][0])
    return settings


def kind_of(settings: BaseModel) -> str:
    """What every kind's settings say."""
    kind: str = settings.kind  # type: ignore[attr-defined]  # a field of each, and of no class they share
    return kind


def make(name: str, settings: BaseModel, state_dir: Path, detectors: DetectorsConfig) -> Model:
    """A model, not loaded yet, beside detectors that are so set. Raises ConfigError on a setting that is
    wrong."""
    kind = kind_of(settings)
    model: Model = (_theirs(kind) if ":" in kind else _named(KINDS[kind][1]))(name, settings, state_dir)
    tell_of(detectors, model)
    return model


def check_files(name: str, settings: BaseModel) -> None:
    """Raises ConfigError for a file or folder that the settings of a kind of ours name and that is not there.
    A kind of the user's own may name what it only makes."""
    if kind_of(settings) not in KINDS:
        return
    for key, field in type(settings).model_fields.items():
        value = getattr(settings, key)
        either = isinstance(value, str) and FOLDER_OR_NAME in field.metadata
        if isinstance(value, Path) or (either and is_folder(value)):
            existing(Path(value), f"{key_of(name)}.{key}")


def tell_of(detectors: DetectorsConfig, model: Model) -> None:
    """How the data plane's detectors are set, where the model wants to know. Raises ConfigError."""
    beside = getattr(model, "beside", None)
    if beside is not None:
        beside(detectors)


def _theirs(kind: str) -> Any:
    """A class of the user's, as `package.module:Class`; its settings are its attribute `Settings`."""
    try:
        found = _named(kind)
    except Exception as error:  # whatever the user's module does
        what = "" if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: "
        raise ValueError(f"the kind `{kind[:60]}` cannot be imported: {what}{error}") from None
    if not isinstance(getattr(found, "Settings", None), type) or "kind" not in found.Settings.model_fields:
        raise ValueError(f"`{kind[:60]}` has no class `Settings` with a field `kind`")
    return found


def _named(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)
