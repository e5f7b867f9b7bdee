"""Models on a GPU answer as on the CPU. Skipped where there is none. On a machine with one, in an environment
with the extras `dev` and `transformers` and torch for CUDA:

    python -m pytest -m cuda tests/models/test_cuda.py

ONNX files need onnxruntime-gpu in place of onnxruntime, and `flash_attention_2` the package flash-attn.
"""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path
from typing import Any

import pytest

from sentinel.models.base import Passage
from sentinel.models.onnx import OnnxConfig, OnnxModel
from sentinel.models.transformers import TransformersConfig, TransformersModel
from tests.models import tiny

DEVICE = "cuda:0"
LABELS = {"rude": "INSULT", "threatening": "THREAT"}
TEXTS = [Passage(text) for text in ("you are a fool", "the cat sat on the mat", tiny.LONG, "i will find you")]
pytestmark = [
    pytest.mark.torch,
    pytest.mark.cuda,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]


@pytest.fixture(autouse=True)
def gpu() -> Any:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    return torch.cuda


def loaded(folder: Path, tmp_path: Path, **settings: Any) -> TransformersModel:
    told = {"model": str(folder), "labels": LABELS, "several": True, **settings}
    model = TransformersModel("own", TransformersConfig.model_validate(told), tmp_path)
    model.load()
    return model


def scores(model: TransformersModel) -> list[float]:
    return [answer.scores["own"] for answer in model.infer(TEXTS)]


NEAR = {"fp32": 1e-4, "fp16": 0.02, "bf16": 0.06}


@pytest.mark.parametrize(
    ("attention", "precision"),
    [
        *itertools.product(("auto", "eager", "sdpa"), NEAR),
        *itertools.product(("flash_attention_2",), ("fp16", "bf16")),
    ],
)
def test_answers_are_those_of_the_cpu(
    classifier: Path, tmp_path: Path, attention: str, precision: str
) -> None:
    if attention == "flash_attention_2" and importlib.util.find_spec("flash_attn") is None:
        pytest.skip("flash-attn is not installed")
    there = loaded(classifier, tmp_path, device=DEVICE, precision=precision, attention=attention)
    assert next(there._model.parameters()).device.type == "cuda"
    assert scores(there) == pytest.approx(scores(loaded(classifier, tmp_path)), abs=NEAR[precision])


def test_memory_is_given_back(classifier: Path, tmp_path: Path, gpu: Any) -> None:
    before = gpu.memory_reserved()
    model = loaded(classifier, tmp_path, device=DEVICE)
    assert gpu.memory_allocated() > 0
    model.unload()
    assert gpu.memory_reserved() <= before
    model.load()
    assert len(scores(model)) == len(TEXTS)


def test_an_onnx_file(tmp_path: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("onnxruntime-gpu is not installed")
    folder = tiny.counting(tmp_path)
    settings = {"path": folder / "model.onnx", "labels": LABELS, "tokens": 16}
    here, there = (
        OnnxModel("own", OnnxConfig.model_validate({**settings, "device": device}), folder)
        for device in ("cpu", DEVICE)
    )
    here.load()
    there.load()
    for mine, theirs in zip(here.infer(TEXTS), there.infer(TEXTS), strict=True):
        assert theirs.scores == pytest.approx(mine.scores, abs=1e-4)
