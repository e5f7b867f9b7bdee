"""Windows of tokens for onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from sentinel.core.errors import ConfigError
from sentinel.models import _runtime
from tests.models import tiny


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return _runtime.tokenizer(tiny.tokenizer(tmp_path_factory.mktemp("t") / "tokenizer.json"), "k")


@pytest.mark.parametrize("words", [0, 1, 13, 14, 15, 28, 29, 100])
def test_every_token_is_in_a_window(tokenizer: Any, words: int) -> None:
    text = "cat " * words
    found = _runtime.windows(tokenizer, [text], 16)
    read = {place for window in found for place in window.offsets if place[1] > place[0]}
    assert read == {(i * 4, i * 4 + 3) for i in range(words)}
    assert len(found) == max(1, -(-words // 14))
    assert all(window.ids[0] == 2 and window.ids[-1] == 3 for window in found)
    assert all(len(window.ids) == len(window.offsets) <= 16 for window in found)
    assert len({len(window.ids) for window in found}) == 1
    starts = [window.offsets[1][0] for window in found]
    assert starts == sorted(set(starts))


def test_no_token_at_all(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    bare = Tokenizer(models.WordLevel({"[PAD]": 0, "cat": 1}, unk_token="[PAD]"))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    found = _runtime.windows(bare, ["", "cat cat", " "], 16)
    assert [(window.owner, window.ids) for window in found] == [(0, [0]), (1, [1, 1]), (2, [0])]


def test_owners(tokenizer: Any) -> None:
    found = _runtime.windows(tokenizer, ["cat " * 20, "", "dog"], 16)
    assert [window.owner for window in found] == [0, 0, 1, 2]


@pytest.mark.parametrize(
    ("text", "count", "cut"),
    [
        ("cat " * 100_000, 64, True),
        ("cat " * 64 * 14, 64, False),
        ("cat " * (64 * 14 + 1), 64, True),
        ("z" * 20_000, 1, True),  # one unknown word
        ("", 1, False),
    ],
)
def test_a_text_without_end_has_an_end(tokenizer: Any, text: str, count: int, cut: bool) -> None:
    found = _runtime.windows(tokenizer, ["dog", text], 16)
    assert [window.cut for window in found] == [False, *[cut] * count]


@pytest.mark.parametrize(
    ("lengths", "batches"),
    [
        ([], []),
        ([5, 5, 6], [[0, 1, 2]]),
        ([4096, 4096], [[0], [1]]),
        ([9000], [[0]]),
        ([1] * 33, [list(range(32)), [32]]),
        ([250, 250, 250, 250, 500], [[0, 1, 2, 3], [4]]),
    ],
)
def test_batches_are_bounded(lengths: list[int], batches: list[list[int]]) -> None:
    assert _runtime._batches(range(len(lengths)), lengths) == batches


def test_a_file_that_is_no_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigError, match="k: the tokenizer .* cannot be loaded"):
        _runtime.tokenizer(tmp_path / "tokenizer.json", "k")


def test_a_device_that_this_runtime_lacks(tmp_path: Path) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with pytest.raises(ConfigError, match="no device `cuda:0`: install onnxruntime-gpu"):
        _runtime.session(onnxruntime, tmp_path / "x.onnx", "cuda:0", 1, "k")


def test_a_device_that_cannot_be_used_is_no_silent_cpu(tmp_path: Path) -> None:
    """What onnxruntime-gpu does without a GPU or without CUDA's libraries: it computes on the CPU."""

    class Session:
        def __init__(self, *_: Any, providers: list[Any]) -> None:
            self.asked = providers

        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    class Runtime:
        SessionOptions = onnxruntime.SessionOptions
        InferenceSession = Session

        @staticmethod
        def get_available_providers() -> list[str]:
            return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    with pytest.raises(ConfigError, match=r"^k: no device `cuda:1`: onnxruntime-gpu found no such GPU"):
        _runtime.session(Runtime, tmp_path / "x.onnx", "cuda:1", 1, "k")
