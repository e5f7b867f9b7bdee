"""What is counted and summed up of a prompt's tokens for its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sentinel.detectors._injection_words import OTHER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sentinel.detectors._injection_vocabulary import Vocabulary

BITS = 15  # of a bucket's number
_MASK = (1 << BITS) - 1
_MIX = 0x9E3779B1
_LETTERS = np.arange(128)
# What a class says as the first, second and third of a triple, by its letter: [3, 128].
_TRIPLES = np.stack((_LETTERS * 0x10001, _LETTERS * 0x1003, _LETTERS * 0x35 + 977)) * _MIX


class Seen(msgspec.Struct, frozen=True):
    """Of the tokens the `rows` of their vectors (int32), and these vectors `summed` up (int32); `buckets`
    (int64) of the words, pairs of words and triples of classes, each once, in any order, and of each in
    `tokens` (int64) the number of the first token it comes from."""

    rows: NDArray[np.int32]
    summed: NDArray[np.int32]
    buckets: NDArray[np.int64]
    tokens: NDArray[np.int64]


def seen(vocabulary: Vocabulary, numbers: NDArray[np.int32], letters: str) -> Seen:
    """Of tokens by their numbers and the letters of their classes."""
    rows = vocabulary.rows.take(numbers)
    summed = vocabulary.vectors.take(rows, axis=0).sum(axis=0, dtype=np.int32)
    hashes = vocabulary.hashes.take(numbers).astype(np.int64)
    at = np.arange(len(numbers))
    kinds = np.frombuffer(letters.encode("ascii"), np.uint8)
    telling = np.flatnonzero(kinds != ord(OTHER))
    one, two, three = _TRIPLES.take(kinds[telling], axis=1)
    alone = hashes ^ (hashes >> 15)
    pairs = (hashes[:-1] * 31 + hashes[1:] * _MIX) >> 7
    triples = (one[:-2] + two[1:-1] + three[2:]) >> 9
    buckets, first = np.unique(np.concatenate((alone, pairs, triples)) & _MASK, return_index=True)
    tokens = np.concatenate((at, at[:-1], telling[:-2]))[first]
    return Seen(rows, summed, buckets, tokens)
