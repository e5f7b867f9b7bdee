"""How the detectors of abuse manage each function of `functions_toxicity`, and each kind of what other
writers wrote (`training/written/unseen_toxicity.jsonl`): `python -m training.functions_card`.

Asks the shipped small detector, and the encoder with and without it, as they are served; writes the tables
into `docs/models/toxicity.md` and `docs/models/encoder.md`. Needs `sentinel-sidecar[models]` and the base
encoder.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentinel.core.background import NO_BACKGROUND
from sentinel.detectors.inspection import inspect_whole
from sentinel.detectors.toxicity import FLAGGED, ToxicityConfig, ToxicityDetector
from sentinel.models.base import Passage
from sentinel.models.encoder import EncoderConfig, EncoderModel
from training import _card, encoder
from training.encoder_heads import auc
from training.functions_toxicity import FUNCTIONS
from training.written_texts import read


def encoder_scores(texts: list[str], *, alone: bool) -> NDArray[np.float64]:
    model = EncoderModel("encoder", EncoderConfig(alone=alone), Path(tempfile.gettempdir()))
    model.load()
    return np.array([answer.scores["toxicity"] for answer in model.infer([Passage(text=t) for t in texts])])


def main() -> None:
    functions = [(name, abuse, text) for name, (abuse, texts) in FUNCTIONS.items() for text in texts]
    write("functions", functions)
    unseen = read("unseen_toxicity")
    write("unseen", [(each.kind.replace("_", " "), bool(each.label), each.text) for each in unseen])


def write(marker: str, sentences: list[tuple[str, bool, str]]) -> None:
    """A table of sentences, each with what it does and whether that is abuse, into both cards."""
    texts = [text for _, _, text in sentences]
    of = np.array([name for name, _, _ in sentences])
    labels = np.array([abuse for _, abuse, _ in sentences], np.float32)
    detector = ToxicityDetector(ToxicityConfig(), Path())
    small = np.array([inspect_whole(detector, text, NO_BACKGROUND).scores["toxicity"] for text in texts])
    alone, together = (encoder_scores(texts, alone=each) for each in (True, False))
    answers = ((small, FLAGGED), (alone, encoder.FLAGGED), (together, encoder.FLAGGED))
    lines: list[list[object]] = []

    def add(name: str, abuse: str, here: NDArray[np.bool_]) -> None:
        shares = [float((score[here] >= flagged).mean()) for score, flagged in answers]
        lines.append([name, abuse, int(here.sum()), *shares])

    for name in dict.fromkeys(of.tolist()):
        here = of == name
        add(name, "yes" if labels[here].all() else "no", here)
    add("all abuse", "yes", labels == 1)
    add("all others", "no", labels == 0)
    lines.append(["AUC of all", "", len(texts), *(auc(labels, score) for score, _ in answers)])
    head = ["sentences", "abuse", "count", "small, flagged", "encoder, flagged", "together, flagged"]
    _card.write("encoder", marker, head, lines)
    _card.write("toxicity", marker, head[:4], [line[:4] for line in lines])


if __name__ == "__main__":
    main()
