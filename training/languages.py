"""`python -m training.languages --sources DIR`: the model of the detector `language`.

Learns from texts made of frequent words, from stretches of prose and from what was written one by one
(`training/language_texts.py`, which says what DIR holds). Writes `sentinel/detectors/weights/languages.npz`
and the figures of `docs/models/language.md`, beside those of py3langid. Takes six minutes of one core. Needs
torch and py3langid.
"""

from __future__ import annotations

import argparse
import collections
import random
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from rich.progress import track

from sentinel.detectors import _language_model
from sentinel.detectors._language_model import BITS, LanguageModel, buckets, letters
from training import _card
from training._classifier import PLACE
from training.language_texts import Texts, bare, texts
from training.written_texts import Text, read

DIMENSIONS = 24
_EXAMPLES = 3500  # a language and round
_ROUNDS = 6
_BATCH = 256
_RATE = 0.01
_IDLE = 0.15  # of n-grams
_LEAST_SHARE = 0.35  # of `_EXAMPLES`, of a language without frequencies and chat
_ENGLISH = 3.0
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "km", "my"})
_KINDS = {"short": "2 to 4 words", "line": "5 to 12 words", "text": "20 to 45 words"}
_AS = {"nb": "no", "nn": "no"}  # how py3langid names what we call Norwegian


class Made:
    """Endless examples of a language: half of them short."""

    def __init__(self, code: str, texts: Texts, english: Texts, rng: random.Random) -> None:
        self.code, self.texts, self._english, self._rng = code, texts, english, rng
        self._rates = list(accumulate(texts.rates))
        self._english_rates = list(accumulate(english.rates))

    def examples(self, count: int) -> Iterator[str]:
        kinds = [self._of_words] * 3 * bool(self.texts.words) + [self._of_prose] * 2
        kinds += [self._of_chat] * 3 * bool(self.texts.chat)
        for _ in range(count):
            yield self._worn(self._rng.choice(kinds)())

    def _length(self) -> int:
        return round(self._rng.lognormvariate(1.6, 0.8)) + 1

    def _of_words(self) -> str:
        chosen = self._rng.choices(self.texts.words, cum_weights=self._rates, k=self._length())
        return ("" if self.code in _UNSPACED else " ").join(chosen)

    def _of_prose(self) -> str:
        return self._part(self._rng.choice(self.texts.prose))

    def _of_chat(self) -> str:
        text = self._rng.choice(self.texts.chat)
        return text if self._rng.random() < 0.5 else self._part(text)

    def _part(self, text: str) -> str:
        if self.code in _UNSPACED:
            size = self._length() * 2
            start = self._rng.randrange(max(1, len(text) - size))
            return text[start : start + size]
        words = text.split()
        size = self._length()
        start = self._rng.randrange(max(1, len(words) - size + 1))
        return " ".join(words[start : start + size])

    def _worn(self, text: str) -> str:
        """As people type: without marks on letters, with English words in between."""
        if self._rng.random() < 0.12:
            text = bare(text)
        if self.code != "en" and self._rng.random() < 0.08:
            words = text.split()
            for _ in range(self._rng.randint(1, 1 + len(words) // 5)):
                word = self._rng.choices(self._english.words, cum_weights=self._english_rates)[0]
                words.insert(self._rng.randint(0, len(words)), word)
            text = " ".join(words)
        return text


class Model(torch.nn.Module):  # type: ignore[misc]
    """As `sentinel.detectors._language_model.Weights`, trainable."""

    def __init__(self, languages: int) -> None:
        super().__init__()
        self.table = torch.nn.EmbeddingBag(2**BITS, DIMENSIONS, mode="sum")
        torch.nn.init.normal_(self.table.weight, std=0.1)
        self.out = torch.nn.Linear(DIMENSIONS, languages)
        self.sure = torch.nn.Parameter(torch.tensor([0.0, 0.3]))

    def forward(self, grams: torch.Tensor, offsets: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
        kept = (torch.rand(len(grams)) >= _IDLE).float() if self.training else None
        mean = self.table(grams, offsets, per_sample_weights=kept) / sizes[:, None]
        sure = torch.exp(self.sure[0] + self.sure[1] * torch.log(sizes))
        logits: torch.Tensor = self.out(mean) * sure[:, None]
        return logits


def fit(made: Sequence[Made]) -> Model:
    torch.manual_seed(0)
    rng = random.Random(0)
    model = Model(len(made))
    steps = torch.optim.Adam(model.parameters(), _RATE)
    counts = [round(_EXAMPLES * _share(each)) for each in made]
    total = _ROUNDS * (sum(counts) // _BATCH)
    slower = torch.optim.lr_scheduler.LambdaLR(steps, lambda step: max(0.02, 1 - step / max(1, total)))
    for turn in range(_ROUNDS):
        examples = [
            (found, index)
            for index, (each, count) in enumerate(zip(made, counts, strict=True))
            for text in each.examples(count)
            if len(found := buckets(letters(text)))
        ]
        rng.shuffle(examples)
        starts = range(0, len(examples) - _BATCH + 1, _BATCH)
        for start in track(starts, f"round {turn + 1} of {_ROUNDS}"):
            part = examples[start : start + _BATCH]
            loss = torch.nn.functional.cross_entropy(
                model(*_bags([grams for grams, _ in part])), torch.tensor([index for _, index in part])
            )
            steps.zero_grad()
            loss.backward()
            steps.step()
            slower.step()
    model.eval()
    return model


def _share(made: Made) -> float:
    if made.code == "en":
        return _ENGLISH
    return 1.0 if made.texts.words or made.texts.chat else _LEAST_SHARE


def _bags(grams: Sequence[NDArray[np.int64]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    sizes = np.array([len(each) for each in grams])
    offsets = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    return torch.from_numpy(np.concatenate(grams)), torch.from_numpy(offsets), torch.from_numpy(sizes).float()


def save(model: Model, codes: Sequence[str]) -> Path:
    """The model as the package ships it, its table in int8."""
    table = model.table.weight.detach().numpy()
    unit = np.quantile(np.abs(table), 0.9999) / 127
    place = PLACE / "languages.npz"
    np.savez_compressed(
        place,
        codes=np.array(codes),
        table=np.clip(np.round(table / unit), -127, 127).astype(np.int8),
        out=(model.out.weight.detach().numpy().T * unit).astype(np.float32),
        bias=model.out.bias.detach().numpy(),
        sure=model.sure.detach().numpy(),
    )
    return place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, required=True, help="directory of the packages to learn from")
    args = parser.parse_args()
    torch.set_num_threads(1)
    known = texts(args.sources)
    rng = random.Random(0)
    made = [Made(code, each, known["en"], rng) for code, each in known.items()]
    place = save(fit(made), list(known))
    print(f"{place.name}: {place.stat().st_size / 1e6:.2f} MB, {len(known)} languages")
    _language_model.load.cache_clear()
    report(read("unseen_languages"))


def report(unseen: list[Text]) -> None:
    """How many texts of another writer are told right, by their length and by language, beside py3langid."""
    ours, theirs = LanguageModel.shipped(), LanguageIdentifier.from_model_file(MODEL_FILE)
    told = [ours.likeliest(each.text) for each in unseen]
    right = np.array(
        [found is not None and found[0] == each.lang for found, each in zip(told, unseen, strict=True)]
    )
    other = [theirs.classify(each.text)[0] for each in unseen]
    right_there = np.array(
        [_AS.get(code, code) == each.lang for code, each in zip(other, unseen, strict=True)]
    )
    kinds = np.array([each.kind for each in unseen])
    lines: list[list[object]] = []
    for kind, title in (*_KINDS.items(), ("", "all")):
        of = kinds == kind if kind else np.ones(len(kinds), bool)
        lines.append([title, int(of.sum()), float(right[of].mean()), float(right_there[of].mean())])
    _card.write("language", "figures", ["texts of another writer", "count", "right", "py3langid"], lines)
    wrong = collections.Counter(
        (each.lang, found[0] if found else "")
        for found, each, is_right in zip(told, unseen, right, strict=True)
        if not is_right
    )
    mistaken = [[lang, taken, count] for (lang, taken), count in wrong.most_common()]
    _card.write("language", "mistaken", ["language", "taken for", "texts"], mistaken)


if __name__ == "__main__":
    main()
