"""Filters over neighbouring words: what they find, that neighbours of a stretch do not matter, and whom they
credit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sentinel.detectors._classifier_filters import TOP, WIDTH, Filters, Layer, Seen

DIMENSIONS, FILTERS = 4, 5
STEP = 0.03
SLOPE = np.random.default_rng(3).normal(size=(2 * FILTERS, 2)).astype(np.float32)


def layer(inputs: int, rng: np.random.Generator, scale: float) -> Layer:
    whole = rng.integers(-127, 128, (WIDTH * inputs, FILTERS)).astype(np.float32)
    return Layer(whole, np.full(FILTERS, scale, np.float32), rng.normal(size=FILTERS).astype(np.float32))


@pytest.fixture(scope="module")
def filters() -> Filters:
    rng = np.random.default_rng(7)
    return Filters(layer(DIMENSIONS, rng, 0.01), layer(FILTERS, rng, 1e-4))


def vectors(count: int, seed: int) -> NDArray[np.int8]:
    return np.random.default_rng(seed).integers(-127, 128, (count, DIMENSIONS)).astype(np.int8)


def seen_whole(filters: Filters, of: NDArray[np.int8]) -> Seen:
    return filters.see(of, np.array([[0, len(of)]], np.int32))


def whole(filters: Filters, of: NDArray[np.int8]) -> NDArray[np.float32]:
    return filters.answers(seen_whole(filters, of))[0]


def test_a_filter_minds_the_order_of_words() -> None:
    """The only filter of the first layer wants a word of the first dimension before one of the second."""
    first = np.zeros((WIDTH * DIMENSIONS, 1), np.float32)
    first[0, 0] = first[DIMENSIONS + 1, 0] = 100
    one = np.ones(1, np.float32)
    second = Layer(np.zeros((WIDTH, 1), np.float32), one, 0 * one)
    made = Filters(Layer(first, 0.01 * one, -150 * one), second)
    not_, bad = np.eye(DIMENSIONS, dtype=np.int8)[:2] * 100
    assert whole(made, np.array([not_, bad]))[0] == 50
    assert whole(made, np.array([bad, not_]))[0] == 0
    assert whole(made, np.array([not_, bad * 0, bad]))[0] == 0


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 99))
def test_stretches_have_one_answer_whatever_is_read_with_them(
    filters: Filters, sizes: list[int], seed: int
) -> None:
    """Bit by bit, also where stretches overlap."""
    of = vectors(12, seed)
    starts = [(seed * 5 + number * 3) % (12 - size + 1) for number, size in enumerate(sizes)]
    bounds = np.array([[start, start + size] for start, size in zip(starts, sizes, strict=True)], np.int32)
    together = filters.answers(filters.see(of, bounds))
    for answers, start, size in zip(together, starts, sizes, strict=True):
        assert answers.tolist() == whole(filters, of[start : start + size]).tolist()


def test_words_share_what_the_slope_of_the_answers_says(filters: Filters) -> None:
    """Against the difference that a little more or less of each word makes, where no other word or filter
    comes to count by it, or by the first layer's rounding."""
    compared = 0
    for seed in range(20):
        of = vectors(6, seed)
        seen = seen_whole(filters, of)
        shares = filters.shares(seen, SLOPE)
        assert shares.shape == (6, 2)
        highest = [seen.first[1:-1].argmax(axis=0).tolist(), seen.second.argmax(axis=0).tolist()]
        for word in range(len(of)):
            more, less = (of * (1.0 + by * np.eye(6)[:, [word]]) for by in (STEP, -STEP))
            if kinks(filters, more) == kinks(filters, less) and kinks(filters, more)[:2] == highest:
                slope = (unrounded(filters, more) - unrounded(filters, less)) @ SLOPE / (2 * STEP)
                assert shares[word] == pytest.approx(slope, rel=1e-3, abs=1e-3)
                compared += 1
    assert compared > 10


def layers(filters: Filters, of: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both layers, word by word, in plain arithmetic and without rounding."""

    def answers(given: NDArray[np.float64], of: Layer) -> NDArray[np.float64]:
        padded = np.pad(given, ((1, 1), (0, 0)))
        rows = [np.concatenate(padded[at : at + WIDTH]) for at in range(len(given))]
        return np.array(rows) @ of.weights.astype(np.float64) * of.scale + of.bias

    first = np.clip(answers(of, filters._first), 0, TOP)
    return first, np.maximum(answers(first, filters._second), 0)


def unrounded(filters: Filters, of: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([each.max(axis=0) for each in layers(filters, of)])


def kinks(filters: Filters, of: NDArray[np.float64]) -> list[object]:
    """On which side of every bend the answers are."""
    first, second = layers(filters, of)
    bent = ((first > 0) & (first < TOP)).tolist(), (second > 0).tolist()
    return [first.argmax(axis=0).tolist(), second.argmax(axis=0).tolist(), *bent]


def test_answers_are_those_of_plain_arithmetic(filters: Filters) -> None:
    of = vectors(9, 1)
    assert whole(filters, of) == pytest.approx(unrounded(filters, of.astype(np.float64)), rel=0.05, abs=0.6)
