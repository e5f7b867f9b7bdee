"""How the detectors of abuse manage each function of `functions_toxicity`: `python -m
training.functions_card`.

Asks the shipped small detector, and the encoder with and without it, as they are served; writes a table
each into `docs/models/toxicity.md` and `docs/models/encoder.md`. Needs `sentinel-sidecar[models]` and the
base encoder.
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


def encoder_scores(texts: list[str], *, alone: bool) -> NDArray[np.float64]:
    model = EncoderModel("encoder", EncoderConfig(alone=alone), Path(tempfile.gettempdir()))
    model.load()
    return np.array([answer.scores["toxicity"] for answer in model.infer([Passage(text=t) for t in texts])])


def main() -> None:
    texts = [text for _, sentences in FUNCTIONS.values() for text in sentences]
    of = np.array([name for name, (_, sentences) in FUNCTIONS.items() for _ in sentences])
    detector = ToxicityDetector(ToxicityConfig(), Path())
    small = np.array([inspect_whole(detector, text, NO_BACKGROUND).scores["toxicity"] for text in texts])
    alone, together = (encoder_scores(texts, alone=each) for each in (True, False))
    answers = ((small, FLAGGED), (alone, encoder.FLAGGED), (together, encoder.FLAGGED))
    lines: list[list[object]] = []
    for name, (abuse, sentences) in FUNCTIONS.items():
        here = of == name
        shares = [float((score[here] >= flagged).mean()) for score, flagged in answers]
        lines.append([name, "yes" if abuse else "no", len(sentences), *shares])
    labels = np.array([FUNCTIONS[name][0] for name in of], np.float32)
    lines.append(["AUC of all", "", len(texts), *(auc(labels, score) for score, _ in answers)])
    head = ["sentences", "abuse", "count", "small, flagged", "encoder, flagged", "together, flagged"]
    _card.write("encoder", "functions", head, lines)
    _card.write("toxicity", "functions", head[:4], [line[:4] for line in lines])


if __name__ == "__main__":
    main()
