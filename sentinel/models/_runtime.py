"""onnxruntime and the package tokenizers: sessions, windows of tokens, batches."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentinel.core.errors import ConfigError
from sentinel.models._loading import loading

_CUDA = "CUDAExecutionProvider"
_AT_ONCE = 32  # windows of one run
_TOKENS_AT_ONCE = 1024  # of one run: 4096 leave the processor's cache, and cost a fifth more
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
MAX_WINDOWS = 64  # of one text: what stands behind is not read
_SHORT = 4096  # characters
CHARACTERS = 16  # that one token may stand for, when a text is cut before it is tokenised


class Window(msgspec.Struct, frozen=True):
    """Some tokens of a text: `owner` is the text's index, `offsets` their places in it. `cut`: whether the
    text goes on behind its last window."""

    owner: int
    ids: list[int]
    offsets: list[tuple[int, int]]
    cut: bool = False


def session(runtime: Any, model: Path | bytes, device: str, threads: int, key: str) -> Any:
    """An InferenceSession. Raises ConfigError when this onnxruntime has no such device."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised, and told by who asked
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    source = model if isinstance(model, bytes) else str(model)
    if device == "cpu":
        return runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    if _CUDA not in runtime.get_available_providers():
        raise ConfigError(f"no device `{device}`: install onnxruntime-gpu", key=key)
    if hasattr(runtime, "preload_dlls"):
        with redirect_stdout(StringIO()):  # what it does not find, it prints
            runtime.preload_dlls()
    index = int(device.partition(":")[2] or 0)
    made = runtime.InferenceSession(
        source, options, providers=[(_CUDA, {"device_id": index}), "CPUExecutionProvider"]
    )
    if _CUDA not in made.get_providers():  # it then computes on the CPU and does not say so
        message = (
            f"no device `{device}`: onnxruntime-gpu found no such GPU, or not its CUDA and cuDNN libraries"
        )
        raise ConfigError(message, key=key)
    return made


def tokenizer(path: Path, key: str) -> Any:
    """A tokenizer that neither cuts nor pads. Raises ConfigError."""
    from tokenizers import Tokenizer

    with loading(f"the tokenizer {path}", key):
        made = Tokenizer.from_file(str(path))
    made.no_truncation()
    made.no_padding()
    return made


def windows(tokenizer: Any, texts: Sequence[str], longest: int) -> list[Window]:
    """The windows of every text, of at most `longest` tokens each, and at most MAX_WINDOWS of one text. A
    text's windows are of the same length, so that none has almost no context and none is padded when they run
    together; the last one may begin some tokens before the one ahead of it ends."""
    most = MAX_WINDOWS * longest * CHARACTERS
    read = [text[:most] for text in texts]
    # `encode` is the quicker one for a text, and keeps every other thread of the process waiting.
    short = len(read) == 1 and len(read[0]) <= _SHORT
    encoded = [tokenizer.encode(read[0])] if short else tokenizer.encode_batch(read)
    return [
        window
        for owner, one in enumerate(encoded)
        for window in _windows(owner, one, longest, len(texts[owner]) > most)
    ]


def _windows(owner: int, encoded: Any, longest: int, cut: bool) -> list[Window]:
    ids, offsets, special = encoded.ids, encoded.offsets, encoded.special_tokens_mask
    if not ids:  # an empty text, and a tokenizer that adds nothing: no model takes a row of no tokens
        return [Window(owner, [0], [(0, 0)], cut)]
    start = next((index for index, mark in enumerate(special) if not mark), len(ids))
    end = len(ids) - next(
        (index for index, mark in enumerate(reversed(special)) if not mark), len(ids) - start
    )
    room = longest - start - (len(ids) - end)
    wanted = -(-(end - start) // room)
    count = min(MAX_WINDOWS, wanted) or 1
    step = min(room, -(-(end - start) // count))
    ahead, behind = (0, 0), [(0, 0)] * (len(ids) - end)
    firsts = [min(start + number * step, max(start, end - step)) for number in range(count)]
    return [
        Window(
            owner,
            [*ids[:start], *ids[first : min(first + step, end)], *ids[end:]],
            [*[ahead] * start, *offsets[first : min(first + step, end)], *behind],
            cut or wanted > count,
        )
        for first in firsts
    ]


def run(
    session: Any, chosen: Sequence[Window], outputs: Sequence[str], upper: Any = None
) -> list[list[NDArray[Any]]]:
    """Each window's rows of the named outputs, in the order of the windows, and, with `upper`, its first
    output for the last of them (the upper half of an encoder). Windows of about the same length run together;
    an output with a row a token holds padding behind the window's tokens."""
    inputs = {each.name for each in session.get_inputs()}
    order = sorted(range(len(chosen)), key=lambda index: len(chosen[index].ids))
    answers: list[list[NDArray[Any]]] = [[] for _ in chosen]
    for indices in _batches(order, [len(window.ids) for window in chosen]):
        length = len(chosen[indices[-1]].ids)
        ids = np.zeros((len(indices), length), np.int64)
        mask = np.zeros_like(ids)
        for row, index in enumerate(indices):
            held = chosen[index].ids
            ids[row, : len(held)] = held
            mask[row, : len(held)] = 1
        known = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        fed = {name: value for name, value in known.items() if name in inputs}
        found = session.run(list(outputs), fed)
        if upper is not None:
            found[-1:] = upper.run(None, {outputs[-1]: found[-1], "attention_mask": mask})[:1]
        for output in found:
            for row, index in enumerate(indices):
                answers[index].append(output[row])
    return answers


def _batches(order: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    """`order`, cut into batches; it ascends by length."""
    batches: list[list[int]] = []
    for index in order:
        last = batches[-1] if batches else []
        if last and len(last) < _AT_ONCE and (len(last) + 1) * lengths[index] <= _TOKENS_AT_ONCE:
            last.append(index)
        else:
            batches.append([index])
    return batches
