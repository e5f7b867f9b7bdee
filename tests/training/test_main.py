"""One command makes a model: which steps, in which order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from training.__main__ import MODELS, chain

TRAINING = Path(__file__).parents[2] / "training"


def test_a_model_comes_behind_what_it_is_made_of() -> None:
    assert chain(["toxicity"]) == ["words", "encoder", "toxicity"]
    assert chain(["toxicity"], alone=True) == ["toxicity"]
    assert chain(["misuse", "figures"])[:2] == ["words", "misuse"]
    assert sorted(chain([*MODELS])) == sorted(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_every_step_takes_what_it_is_given(name: str) -> None:
    for module, *given in MODELS[name].steps:
        source = (TRAINING / f"{module}.py").read_text()
        assert all(f'"{option}"' in source for option in given if option.startswith("--"))


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", "language", "--data", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TRAINING.parent)
    assert done.returncode == 2 and "--sources: see training/language_texts.py" in done.stderr
