"""Transformers on torch: where they run, in what precision, and long texts through windows.

A window holds as many tokens as the model reads; a longer text goes through several that overlap, and its
score is the highest of theirs.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from sentinel.core.errors import ConfigError
from sentinel.models._loading import package
from sentinel.models._runtime import CHARACTERS, MAX_WINDOWS
from sentinel.models.inference import not_a_number

Precision = Literal["fp32", "fp16", "bf16", "int8"]
Attention = Literal["auto", "eager", "sdpa", "flash_attention_2"]

_LONGEST = 512  # tokens of a window, where the tokenizer names no bound
_WINDOWS_AT_ONCE = 16
_OVERLAP = 64


def device(name: str, key: str) -> Any:
    """The torch device. Raises ConfigError when this machine lacks it."""
    torch = package("torch", "transformers", key)
    if name.startswith("cuda"):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        index = int(name.partition(":")[2] or 0)
        if index >= count:
            raise ConfigError(f"no device `{name}`: torch sees {count} CUDA devices", key=key)
    return torch.device(name)


def placed(model: Any, where: Any, precision: Precision, key: str) -> Any:
    """The model, ready to answer, on its device and in its precision."""
    import torch

    model = model.eval()
    if precision == "int8":
        if where.type != "cpu":
            raise ConfigError("int8 is for the device `cpu`; use fp16 on a GPU", key=key)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it works in the torch that we pin
            return torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    types = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
    return model.to(device=where, dtype=types[precision])


def tokenizer(model: str, key: str, **options: Any) -> Any:
    """The tokenizer of a folder or of a name on the hub, in its fast form, which alone tells where in a text
    each token is. Raises ConfigError where it has none."""
    made = package("transformers", "transformers", key).AutoTokenizer.from_pretrained(model, **options)
    if not made.is_fast:
        raise ConfigError(f"the tokenizer of `{model}` has no fast form (tokenizer.json)", key=key)
    return made


class Window(msgspec.Struct, frozen=True):
    """Some tokens of a text. `owner`: the index of the text; `offsets`: each token's place in it, (0, 0) for
    those that stand for nothing; `cut`: whether the text goes on behind its last window."""

    owner: int
    inputs: dict[str, list[int]]
    offsets: list[tuple[int, int]]
    cut: bool = False


def windows(tokenizer: Any, texts: Sequence[str], pairs: Sequence[str] | None = None) -> list[Window]:
    """The windows of every text, at most MAX_WINDOWS of one; with `pairs`, each text is read before its pair,
    whose first part, at most half of a window, is in each of its windows."""
    bound = min(int(tokenizer.model_max_length), _LONGEST)
    most = MAX_WINDOWS * bound * CHARACTERS
    encoded = tokenizer(
        [text[:most] for text in texts],
        None if pairs is None else [_head(tokenizer, pair, bound // 2) for pair in pairs],
        truncation=True if pairs is None else "only_first",
        max_length=bound,
        stride=min(_OVERLAP, bound // 4),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    owners = encoded.pop("overflow_to_sample_mapping")
    offsets = encoded.pop("offset_mapping")
    found = [
        Window(owner, {name: values[index] for name, values in encoded.items()}, offsets[index])
        for index, owner in enumerate(owners)
    ]
    kept: list[Window] = []
    for owner, group in itertools.groupby(found, lambda window: window.owner):
        ours = list(group)
        cut = len(ours) > MAX_WINDOWS or len(texts[owner]) > most
        kept += [msgspec.structs.replace(window, cut=cut) for window in ours[:MAX_WINDOWS]]
    return kept


def _head(tokenizer: Any, text: str, most: int) -> str:
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return text if len(offsets) <= most else text[: offsets[most - 1][1]]


def run(model: Any, tokenizer: Any, chosen: Sequence[Window], then: Callable[[Any], Any]) -> list[Any]:
    """`then` of each window's logits, as nested lists, in the order of the windows; windows of about the same
    length go through the model together. Raises NoAnswer where one is no number."""
    import torch

    where = next(model.parameters(), torch.empty(0)).device
    order = sorted(range(len(chosen)), key=lambda index: len(chosen[index].offsets))
    answers: list[Any] = [None] * len(chosen)
    with torch.inference_mode():
        for first in range(0, len(order), _WINDOWS_AT_ONCE):
            indices = order[first : first + _WINDOWS_AT_ONCE]
            inputs = [chosen[index].inputs for index in indices]
            padded = tokenizer.pad(inputs, return_tensors="pt").to(where)
            rows = then(model(**padded).logits.float()).cpu()
            if rows.isnan().any():
                raise not_a_number()
            for index, row in zip(indices, rows.tolist(), strict=True):
                answers[index] = row
    return answers


def freed(where: Any) -> None:
    """Give a device's memory back after its model was dropped."""
    if where is not None and where.type == "cuda":
        import torch

        torch.cuda.empty_cache()
