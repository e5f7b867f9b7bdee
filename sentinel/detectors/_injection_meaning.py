"""What a document's segments mean, for the indirect model: the mean of a segment's word vectors, that of the
rest of its document, where the two go together, and how near they are on the whole.

An order to the reader is seldom about what its document is about.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from sentinel.detectors._injection_vocabulary import looked_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from sentinel.detectors._injection_indirect import Segment

_PARTS = 0.5  # of a unit of meaning against the signals
_NEARNESS = 2.0
_NONE = 1e-6
_READ = 60  # words of a segment


def meanings(segments: Sequence[Segment]) -> np.ndarray:
    """[segments, 3 * dimensions + 1], float32."""
    import numpy as np

    read = [segment.words[:_READ] for segment in segments]
    vocabulary, numbers = looked_up([*chain.from_iterable(read)])
    vectors = vocabulary.vectors.take(vocabulary.rows.take(numbers), axis=0)
    sizes = np.array([[len(words)] for words in read])
    begins = np.cumsum(sizes) - sizes[:, 0]
    summed = np.add.reduceat(vectors.astype(np.int32), begins, axis=0)
    unit = np.float32(vocabulary.spread)
    own = summed / sizes * unit
    rest = (summed.sum(axis=0) - summed) / np.maximum(sizes.sum() - sizes, 1) * unit
    lengths = np.linalg.norm(own, axis=1) * np.linalg.norm(rest, axis=1)
    near = (own * rest).sum(axis=1) / np.maximum(lengths, _NONE)
    if len(segments) == 1:
        near[:] = 1.0  # there is nothing that it could be apart from
    parts = _PARTS * np.concatenate((own, own * rest, rest), axis=1)
    made: np.ndarray = np.concatenate((parts, _NEARNESS * near[:, None]), axis=1).astype(np.float32)
    return made
