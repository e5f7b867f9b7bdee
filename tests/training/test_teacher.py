"""What the encoder says, as targets of the small detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training import teacher

NAN = float("nan")


def test_labels_are_mixed_with_what_was_told(tmp_path: Path) -> None:
    place = tmp_path / "told.npz"
    teacher.write(place, ["a text", "another"], np.array([[0.0, 20.0], [-20.0, 0.0]]))
    told = teacher.read(place)
    assert teacher.mixed(told, "a text", (1.0, 1.0), 0.5) == pytest.approx((0.75, 1.0), abs=1e-3)
    assert teacher.mixed(told, "another", (1.0, 0.0), 0.25) == pytest.approx((0.75, 0.125), abs=1e-3)
    assert teacher.mixed(told, "another", (1.0, NAN), 0.25) == pytest.approx((0.75, 0.5), abs=1e-3)


def test_of_other_texts_the_label_stays(tmp_path: Path) -> None:
    place = tmp_path / "told.npz"
    teacher.write(place, ["a text"], np.zeros((1, 2)))
    assert teacher.mixed(teacher.read(place), "A text", (1.0, 0.0), 0.5) == (1.0, 0.0)
