"""The small classifiers' own arithmetic, on a model made by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sentinel.detectors import _classifier
from sentinel.detectors._classifier import Classifier, Weights
from sentinel.detectors._classifier_filters import WIDTH
from sentinel.detectors._classifier_grams import BITS, features, words
from sentinel.detectors._classifier_line import line_of
from sentinel.detectors._classifier_network import Layers
from sentinel.detectors._classifier_words import hash_word, tokenised, tokens, view
from sentinel.detectors._sentences import sentences

DIMENSIONS = words().vectors.shape[1]


def made(hot: str, weight: int = 100) -> Classifier:
    """One head that minds the words of `hot` alone."""
    table = np.zeros((2**BITS, 1), np.int8)
    found = features(hot)
    assert found is not None
    table[found.buckets[: len(hot.split())]] = weight
    one, two = np.ones(1, np.float32), np.ones(2, np.float32)
    return Classifier(
        Weights(
            ("HOT",),
            "1",
            table=table,
            scale=one,
            layers=Layers(
                first=np.zeros((WIDTH * DIMENSIONS, 2), np.int8),
                first_scale=two,
                first_bias=0 * two,
                second=np.zeros((WIDTH * 2, 2), np.int8),
                second_scale=two,
                second_bias=0 * two,
                hidden=np.zeros((DIMENSIONS + 4, 2), np.float32),
                hidden_bias=0 * two,
                out=np.zeros((2, 1), np.float32),
                bias=-5 * one,
            ),
            calibration=np.array([[1.0, 0.0]], np.float32),
        )
    )


def told(model: Classifier, text: str) -> float:
    ((probability,),) = model.judge(text, [(0, len(text))])  # type: ignore[misc]
    return probability


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("You Fool!", ["you", "fool", "!"]),
        ("f o o l s", ["fools"]),
        ("f.o.o.l.s", ["fools"]),
        ("a b c", ["a", "b", "c"]),
        ("sh!t, b1tch $hit", ["shit", "bitch", "shit"]),
        ("gpt4 and h264", ["gpt4", "and", "h264"]),
        ("fooooool", ["fol"]),
        ("don't", ["don't"]),
        ("don’t", ["don't"]),
        ("f\u200bool", ["fool"]),
        ("ｆｏｏｌ", ["fool"]),
        ("fооl", ["fool"]),  # Cyrillic о
        ("", []),
    ],
)
def test_disguises_are_taken_off(text: str, seen: list[str]) -> None:
    assert tokens(text) == seen


@pytest.mark.parametrize("text", ["a b c d fooool", "x\u200by 1z f*o*o*l", "İstanbul fоol", "plain"])
def test_places_in_the_original_are_known(text: str) -> None:
    seen = view(text)
    assert len(seen.origin) == len(seen.text) + 1
    assert all(a <= b for a, b in zip(seen.origin, list(seen.origin)[1:], strict=False))
    assert seen.origin[len(seen.text)] == len(text)


def test_words_have_one_hash_wherever_they_stand() -> None:
    found = tokenised("red green red")
    assert found.hashes.tolist() == [hash_word("red"), hash_word("green"), hash_word("red")]


def test_character_ngrams_do_not_cross_words() -> None:
    padded = " ab cde "
    size, first, _ = tokenised("ab cde").grams(np.array([4, 5]))
    found = [padded[at : at + (4, 5)[which]] for which, at in zip(size, first, strict=True)]
    assert found == [" ab ", " cde", "cde ", " cde "]


def test_a_text_without_words_has_no_score() -> None:
    assert features(" ... ") is None
    model = made("fool")
    assert model.judge("... --", [(0, 6)]) == [None]
    assert model.judge("", []) == []
    assert model.explain("...", (0, 3), [0]) == [()]
    assert model.explain("one two three", (9, 2), [0]) == [()]


def test_the_words_that_contributed_are_named() -> None:
    model = made("fool")
    text = "He is a f o o l, they say"
    assert told(model, text) > 0.9
    assert told(model, "He is a king, they say") < 0.1
    (((start, end, weight),),) = model.explain(text, (0, len(text)), [0])
    assert text[start:end] == "f o o l"
    assert weight > 5
    assert model.explain(text, (0, len(text)), [0], since=12) == [()]
    assert model.explain(text, (8, 24), [0])[0][0][:2] == (8, 15)


def test_stretches_are_judged_as_if_they_stood_alone() -> None:
    model = made("fool king say")
    text = "He is a f o o l. They\u200b say so!  A king?\n\n... Fｏｏｌ."
    places = list(sentences(text, 0, final=True))
    together = model.judge(text, places)
    assert together.count(None) >= 1
    alone = [model.judge(text[start:end], [(0, end - start)])[0] for start, end in places]
    for one, other in zip(together, alone, strict=True):
        assert (one is None) == (other is None)
        assert one is None or other is None or one == pytest.approx(other, abs=1e-6)


@pytest.mark.parametrize("text", ["ﷺ" * 3000, "a" * 9000, "ab " * 3000, "a.b.c" * 2000, "İ" * 5000])
def test_long_texts_are_read_as_far_as_the_limit(text: str) -> None:
    model = made("fool")
    assert model.judge(text, [(0, len(text))])[0] is not None
    assert model.explain(text, (0, len(text)), [0]) == [()]


def test_words_of_a_text_that_is_read_again_are_known() -> None:
    text = "You are late, again. So am I."
    line = line_of(text)
    assert line_of(text) is line
    assert line_of("You are late, again. So am J.") is not line
    assert line.bounds([(0, 20), (20, len(text)), (1, 3)]).tolist() == [[0, 4], [4, 7], [1, 1]]
    assert [text[start:end] for start, end in zip(line.starts, line.ends, strict=True)][3:5] == [
        "again",
        "So",
    ]


def test_known_words_are_english_ones() -> None:
    text = "The dock is free. Größe ändern"
    english, others = line_of(text).known([(0, 17), (17, len(text))])
    assert english == 1
    assert others < 0.5
    assert line_of("...").known([(0, 3)]) == [0]


def test_threads_have_texts_of_their_own() -> None:
    model = Classifier.shipped("toxicity")
    texts = [f"the word{n} and word{n + 1} of fool{n % 7}s are new" for n in range(200)]
    with ThreadPoolExecutor(4) as threads:
        found = [*threads.map(lambda text: model.judge(text, [(0, len(text))])[0], texts)]
    assert found == [model.judge(text, [(0, len(text))])[0] for text in texts]


def test_weights_that_the_package_lacks() -> None:
    with pytest.raises(FileNotFoundError):
        _classifier.load("absent")
