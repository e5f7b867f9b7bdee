"""A teacher of small models: the base encoder, all of it fitted to labelled texts.

It is too slow to ship; what it says of many more texts is what a small model learns from (knowledge
distillation, Hinton et al., 2015).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from transformers import AutoModel, AutoTokenizer

_EPOCHS, _BATCH, _LONGEST = 3, 32, 96  # tokens
_RATE, _HEAD_RATE = 1e-4, 1e-3
_IDLE, _SMOOTHING = 0.1, 0.1
_CHUNK = 64


class Teacher:
    """`classes` of a text, numbered from 0."""

    def __init__(self, base: Path, classes: int) -> None:
        torch.manual_seed(0)
        self._tokenizer = AutoTokenizer.from_pretrained(base)
        self._encoder = AutoModel.from_pretrained(base)
        self._head = torch.nn.Linear(self._encoder.config.hidden_size, classes)

    def _logits(self, texts: Sequence[str]) -> torch.Tensor:
        read = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt"
        )
        mask = read["attention_mask"].unsqueeze(-1)
        mean = (self._encoder(**read).last_hidden_state * mask).sum(1) / mask.sum(1)
        made: torch.Tensor = self._head(torch.nn.functional.dropout(mean, _IDLE, self._head.training))
        return made

    def fit(self, texts: Sequence[str], classes: Sequence[int]) -> None:
        rng = random.Random(0)
        groups = [
            {"params": self._encoder.parameters(), "lr": _RATE},
            {"params": self._head.parameters(), "lr": _HEAD_RATE},
        ]
        steps = _EPOCHS * -(-len(texts) // _BATCH)
        optimizer = torch.optim.AdamW(groups)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, [_RATE, _HEAD_RATE], total_steps=steps + 1, pct_start=0.1
        )
        self._encoder.train()
        self._head.train()
        order = [each for _ in range(_EPOCHS) for each in rng.sample(range(len(texts)), len(texts))]
        for first in track(range(0, len(order), _BATCH), "fitting the teacher"):
            part = order[first : first + _BATCH]
            wanted = torch.tensor([classes[each] for each in part])
            loss = torch.nn.functional.cross_entropy(
                self._logits([texts[each] for each in part]), wanted, label_smoothing=_SMOOTHING
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        self._encoder.eval()
        self._head.eval()

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[texts, classes]."""
        order = sorted(range(len(texts)), key=lambda each: len(texts[each]))
        made = np.zeros((len(texts), self._head.out_features), np.float32)
        with torch.inference_mode():
            for first in track(range(0, len(order), _CHUNK), "asking the teacher"):
                part = order[first : first + _CHUNK]
                made[part] = self._logits([texts[each] for each in part]).softmax(1).numpy()
        return made
