"""`kind: transformers`: any Hugging Face model that classifies texts or tokens, from a folder or the hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Inspection
from sentinel.core.paths import FOLDER_OR_NAME, is_folder
from sentinel.models import _torch
from sentinel.models._loading import digest, existing, loading, package
from sentinel.models._names import FindingType
from sentinel.models._scores import Label, checked_labels, classified, with_cut
from sentinel.models._spans import Piece, bare, joined, named
from sentinel.models.base import Passage, key_of


class HuggingFaceConfig(BaseModel):
    """What every model from a Hugging Face folder or hub name has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[str, FOLDER_OR_NAME] = Field(
        description="A folder (it starts with `/`, `./` or `../`) or a name on the hub."
    )
    revision: str | None = Field(None, description="Commit or tag of a model on the hub; pin it.")
    device: str = Field("cpu", pattern=r"^(cpu|cuda(:\d+)?)$", description="`cpu` or `cuda:N`.")
    precision: _torch.Precision = Field("fp32", description="fp32, fp16, bf16, or (on a CPU) int8.")
    attention: _torch.Attention = Field(
        "auto",
        description="How attention is computed: auto, eager, sdpa (torch's own, by its flash kernels where "
        "it has them, on a CPU too) or flash_attention_2 (the package flash-attn; it needs a CUDA device, "
        "and fp16 or bf16).",
    )


class TransformersConfig(HuggingFaceConfig):
    """One classification model."""

    kind: Literal["transformers"] = "transformers"
    task: Literal["text", "tokens"] = Field(
        "text", description="Whether the model gives labels to whole texts or to their tokens."
    )
    labels: dict[str, FindingType] = Field(
        min_length=1,
        description="The model's label -> finding type (capitals, digits and `_`); labels that are not named "
        "are no findings. For tokens without `B-` and `I-`.",
    )
    several: bool | None = Field(
        None,
        description="Whether a text may have several labels at once (sigmoid) or has one (softmax); absent: "
        "what the model's config says.",
    )

    @property
    def by_sentence(self) -> bool:
        return self.task == "tokens"


def loaded(config: HuggingFaceConfig, task: str, key: str) -> tuple[Any, Any, str]:
    """The model, on its device and in its precision, its tokenizer and its version. Raises ConfigError."""
    library = package("transformers", "transformers", key)
    package("torch", "transformers", key)
    here = is_folder(config.model)
    if here:
        existing(Path(config.model), f"{key}.model")
        existing(Path(config.model) / "config.json", f"{key}.model")
    where = _torch.device(config.device, f"{key}.device")
    if config.attention == "flash_attention_2" and (
        where.type == "cpu" or config.precision not in ("fp16", "bf16")
    ):
        message = "flash_attention_2 needs a CUDA device and fp16 or bf16; `auto` takes what runs here"
        raise ConfigError(message, key=f"{key}.attention")
    options: dict[str, Any] = {"local_files_only": True} if here else {"revision": config.revision}
    attention = {} if config.attention == "auto" else {"attn_implementation": config.attention}
    with loading(f"the model `{config.model}`", f"{key}.model"):
        tokenizer = _torch.tokenizer(config.model, f"{key}.model", **options)
        made, told = getattr(library, task).from_pretrained(
            config.model, output_loading_info=True, **options, **attention
        )
        # A head that the files lack is made up by the library, with a warning and random answers.
        if made_up := sorted(name for name in told["missing_keys"] if not name.endswith("position_ids")):
            message = f"`{config.model}` has no weights for {made_up[0]}: it is no model for this task"
            raise ConfigError(message, key=f"{key}.model")
        version = f"{config.model}@{_state(config)}-{config.precision}"
        return _torch.placed(made, where, config.precision, f"{key}.precision"), tokenizer, version


def _state(config: HuggingFaceConfig) -> str:
    """Which of the states that a folder or a repository had over time was loaded."""
    if is_folder(config.model):
        weights = [path for kind in ("*.safetensors", "*.bin") for path in Path(config.model).glob(kind)]
        return digest([*weights, *(Path(config.model) / name for name in ("config.json", "tokenizer.json"))])
    return config.revision or "main"


class TransformersModel:
    """Labels of texts or of tokens, as findings."""

    compares = False

    def __init__(self, name: str, config: TransformersConfig, state_dir: Path) -> None:
        self.name = name
        self.types = frozenset(config.labels.values())
        self.version = config.model
        self._config = config
        self._key = key_of(name)
        self._model: Any = None
        self._tokenizer: Any = None
        self._labels: list[Label] = []
        self._several = False

    def load(self) -> None:
        """Raises ConfigError."""
        config = self._config
        task = "Sequence" if config.task == "text" else "Token"
        model, tokenizer, version = loaded(config, f"AutoModelFor{task}Classification", self._key)
        settings = model.config
        labels = [settings.id2label[index] for index in range(len(settings.id2label))]
        if config.task == "tokens":
            kinds = list(dict.fromkeys(bare(label) for label in labels))
            checked_labels(config.labels, kinds, f"{self._key}.labels")
            self._labels = [Label(name, config.labels.get(name)) for name in map(bare, labels)]
        else:
            self._labels = checked_labels(config.labels, labels, f"{self._key}.labels")
        theirs = settings.problem_type == "multi_label_classification" or len(labels) == 1
        self._several = theirs if config.several is None else config.several
        self._model, self._tokenizer, self.version = model, tokenizer, version

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        texts = [passage.text[passage.start :] for passage in passages]
        chosen = _torch.windows(self._tokenizer, texts)
        several = self._several and self._config.task == "text"
        rows = _torch.run(
            self._model,
            self._tokenizer,
            chosen,
            lambda logits: logits.sigmoid() if several else logits.softmax(-1),
        )
        if self._config.task == "tokens":
            return with_cut(self._spans(passages, chosen, rows), chosen, self.name)
        return classified(self.name, passages, chosen, rows, self._labels, self._config.model)

    def _spans(
        self, passages: Sequence[Passage], chosen: Sequence[_torch.Window], rows: Sequence[Any]
    ) -> list[Inspection]:
        pieces: list[list[Piece]] = [[] for _ in passages]
        for window, row in zip(chosen, rows, strict=True):
            for (start, end), scores in zip(window.offsets, row, strict=False):
                if end > start:
                    index = max(range(len(scores)), key=scores.__getitem__)
                    pieces[window.owner].append(Piece(start, end, self._labels[index], scores[index]))
        return [
            named(self.name, passage, joined(passage.text[passage.start :], found), self._config.model)
            for passage, found in zip(passages, pieces, strict=True)
        ]

    def unload(self) -> None:
        where = None if self._model is None else next(self._model.parameters()).device
        self._model = self._tokenizer = None
        _torch.freed(where)
