"""What the model of languages reads of a text."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.detectors._language_model import MAX_CHARS, MOST, LanguageModel, buckets, letters


def read(text: str) -> str:
    return letters(text).astype(np.uint32).tobytes().decode("utf-32-le")


def of(text: str) -> list[int]:
    found: list[int] = buckets(letters(text)).tolist()
    return found


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Hello,  World!", " hello world "),
        ("it’s 12 o'clock 'now'", " it's o'clock now "),
        ("नमस्ते, दुनिया।", " नमस्ते दुनिया "),
        ("see https://a.example/b, Www.b.example me@c.example, @d or #e_f", " see or "),
        ("写信到a@b.example谢谢", " 写信到 谢谢 "),
        ("ｈｅｌｌｏ", " hello "),
        ("a\ud800b", " a b "),
        ("。 ฿ ၊", ""),
        ("", ""),
        ("42 !", ""),
    ],
)
def test_letters(text: str, seen: str) -> None:
    assert read(text) == seen


def test_n_grams_lie_within_words() -> None:
    assert len(of("ab c")) == 12  # a b c, _a ab b_ _c c_, _ab ab_ _c_, _ab_
    assert sorted(of("ab c")) == sorted(of("C... AB"))
    assert len(of("x" * 3 * MAX_CHARS)) < MOST * (MAX_CHARS + MOST)
    assert len(of("")) == 0


def test_the_longer_the_surer() -> None:
    model = LanguageModel.shipped()
    short, long = model.likeliest("gehen wir"), model.likeliest("gehen wir heute noch spazieren")
    assert short and long
    assert short[0] == long[0] == "de"
    assert short[1] < long[1] <= 1
    assert model.likeliest("12") is None
    assert model.likeliest("gehen wir", least=9) is None


def test_among() -> None:
    model = LanguageModel.shipped()
    found = model.likeliest("gehen wir heute noch spazieren", {"nl", "af"})
    assert found is not None
    assert found[0] in ("nl", "af")
