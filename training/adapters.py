"""Low-rank adapters for the layers that the encoder's heads read: `python -m training.adapters --data DIR`.

The base stays as it is; beside each of its matrices learns a product of two thin ones (LoRA, Hu et al.,
2021), from the rows of all detectors at once, with throw-away heads over the features that
`training.encoder` fits its heads on later. Writes `adapters.npz` for that training. Needs torch and the
base encoder; a quarter of an hour of one core that knows bfloat16, and several times that of one that
does not. `--start` goes on from adapters that there are, such as ours, in one course or several, and writes
the mean of these and of what they became in each: it knows what is new, forgets less, and errs less than
any of them (Wortsman et al., 2022).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from sentinel.evaluation.split import held_out
from sentinel.models import _adapters, _bert, _runtime, _safetensors
from sentinel.models.prepare import base_folder
from training.encoder import TAPS, calibrates
from training.encoder_data import HEADS, Row, rows
from training.encoder_heads import auc, balanced

RANK = 32
LONGEST = 96  # tokens
_BATCH, _POOL = 32, 24  # texts of a step; steps whose texts are sorted by length together
_RATE, _HEAD_RATE, _WARM = 1.5e-3, 2e-3, 60
_RATE_ONWARD = 7e-4  # of adapters that have learned before
_SEED = 3
_DECAY = 0.01
_HIDDEN = 0.08  # share of tokens that a step does not see, so that no single word says it all
_MOST = 6.0  # times that a row may be likelier than the average to be drawn
_FIRST = 3.0  # the head that says whether a text is abuse counts so much
_MATRICES = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
_JUDGED = 1000
_MASK = 103  # of the base's vocabulary
_NUMBERS = torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32
Array = NDArray[Any]


class Adapted(torch.nn.Module):  # type: ignore[misc]
    """The tapped layers of a base, adapters beside their matrices, and linear heads."""

    def __init__(self, shape: _bert.Shape, weights: Mapping[str, Array], heads: int) -> None:
        super().__init__()
        self._shape = shape
        self._layers = range(max(TAPS.means + TAPS.maxima))
        self._held = {
            name: torch.from_numpy(np.array(value)).to(_NUMBERS)
            for name, value in weights.items()
            if not name.startswith("encoder.layer.") or int(name.split(".")[2]) in self._layers
        }
        self.down, self.up = torch.nn.ParameterDict(), torch.nn.ParameterDict()
        for layer in self._layers:
            for matrix in _MATRICES:
                name = f"encoder.layer.{layer}.{matrix}.weight"
                wide, narrow = weights[name].shape
                self.down[name.replace(".", "/")] = torch.nn.Parameter(
                    torch.randn(RANK, narrow) / narrow**0.5
                )
                self.up[name.replace(".", "/")] = torch.nn.Parameter(torch.zeros(wide, RANK))
        features = (len(TAPS.means) + len(TAPS.maxima)) * shape.hidden_size
        self.middle, self.spread = torch.zeros(features), torch.ones(features)
        self.heads = torch.nn.Linear(features, heads)
        torch.nn.init.zeros_(self.heads.weight)

    def widened(self, adapters: _adapters.Adapters) -> _adapters.Adapters:
        """Others of a rank that is no higher, with what they lack as it is before learning. Raises KeyError
        when a matrix has none."""
        made = {}
        for name, (down, up) in self.adapters().items():
            earlier_down, earlier_up = adapters[name]
            rank = len(earlier_down)
            down[:rank], up[:], up[:, :rank] = earlier_down, 0.0, earlier_up
            made[name] = down, up
        return made

    def lean(self, adapters: _adapters.Adapters, share: float) -> None:
        """Moves towards others by `share` of the way. Raises KeyError when a matrix has none."""
        for key in self.down:
            down, up = adapters[key.replace("/", ".")]
            self.down[key].data.lerp_(torch.from_numpy(down), share)
            self.up[key].data.lerp_(torch.from_numpy(up), share)

    def _linear(self, state: torch.Tensor, name: str) -> torch.Tensor:
        key = f"{name}.weight".replace(".", "/")
        own = torch.nn.functional.linear(state, self._held[f"{name}.weight"], self._held[f"{name}.bias"])
        thin = torch.nn.functional.linear(state, self.down[key].to(_NUMBERS))
        return own + torch.nn.functional.linear(thin, self.up[key].to(_NUMBERS))

    def _norm(self, state: torch.Tensor, name: str) -> torch.Tensor:
        size, epsilon = (self._shape.hidden_size,), self._shape.layer_norm_eps
        return torch.nn.functional.layer_norm(
            state, size, self._held[f"{name}.weight"], self._held[f"{name}.bias"], epsilon
        )

    def _layer(self, state: torch.Tensor, seen: torch.Tensor, name: str) -> torch.Tensor:
        batch, length, size = state.shape
        heads = self._shape.num_attention_heads
        query, key, value = (
            self._linear(state, f"{name}.attention.self.{part}")
            .view(batch, length, heads, size // heads)
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        told = torch.nn.functional.scaled_dot_product_attention(query, key, value, seen[:, None, None, :])
        told = told.transpose(1, 2).reshape(batch, length, size)
        state = self._norm(
            self._linear(told, f"{name}.attention.output.dense") + state, f"{name}.attention.output.LayerNorm"
        )
        inner = torch.nn.functional.gelu(self._linear(state, f"{name}.intermediate.dense"))
        return self._norm(self._linear(inner, f"{name}.output.dense") + state, f"{name}.output.LayerNorm")

    def features(self, ids: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """ids, seen (B, S) -> (B, F), as the served graph's."""
        places = self._held["embeddings.position_embeddings.weight"][: ids.shape[1]]
        state = self._held["embeddings.word_embeddings.weight"][ids] + places
        state = state + self._held["embeddings.token_type_embeddings.weight"][0]
        state = self._norm(state, "embeddings.LayerNorm")
        mask, count = seen[:, :, None], seen.sum(1, keepdim=True)
        states = []
        for layer in self._layers:
            state = self._layer(state, seen, f"encoder.layer.{layer}")
            states.append(state)
        means = [(states[tap - 1].float() * mask).sum(1) / count for tap in TAPS.means]
        peaks = [states[tap - 1].float().masked_fill(~mask, -1e4).max(1).values for tap in TAPS.maxima]
        return torch.cat([*means, *peaks], 1)

    def forward(self, ids: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.heads((self.features(ids, seen) - self.middle) / self.spread)
        return logits

    def adapters(self) -> _adapters.Adapters:
        """Copies of what there is now."""
        return {
            key.replace("/", "."): (down.detach().numpy().copy(), self.up[key].detach().numpy().copy())
            for key, down in self.down.items()
        }


class Texts(msgspec.Struct, frozen=True):
    """Token ids of texts, at most `LONGEST` each; targets (rows, heads), NaN where a row is silent."""

    ids: list[Array]
    targets: Array

    def batch(
        self, chosen: Array, rng: np.random.Generator, hidden: float = _HIDDEN
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """ids, a share of them `hidden`; seen; targets."""
        length = max(len(self.ids[index]) for index in chosen)
        ids, seen = np.zeros((len(chosen), length), np.int64), np.zeros((len(chosen), length), bool)
        for row, index in enumerate(chosen):
            held = self.ids[index]
            ids[row, : len(held)], seen[row, : len(held)] = held, True
        away = (rng.random(ids.shape) < hidden) & seen
        away[:, 0] = False
        ids[away] = _MASK
        return torch.from_numpy(ids), torch.from_numpy(seen), torch.from_numpy(self.targets[chosen])


def learn(
    model: Adapted, texts: Texts, chance: Array, steps: int, rate: float = _RATE, seed: int = _SEED
) -> None:
    """Steps over rows drawn by `chance` (rows,)."""
    rng = np.random.default_rng(seed)
    thin = [*model.down.values(), *model.up.values()]
    groups = [{"params": thin, "lr": rate}, {"params": list(model.heads.parameters()), "lr": _HEAD_RATE}]
    optimiser = torch.optim.AdamW(groups, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / _WARM, max(1 - step / steps, 0.0))
    )
    column = torch.ones(texts.targets.shape[1])
    column[0] = _FIRST
    batches = _batches(texts, chance, steps, rng)
    with torch.inference_mode():
        first = torch.cat([model.features(*texts.batch(each, rng)[:2]) for each in batches[:16]])
    model.middle, model.spread = first.mean(0).clone(), (first.std(0) + 1e-3).clone()
    told = 0.0
    for number, chosen in enumerate(track(batches, "adapters"), 1):
        ids, seen, wanted = texts.batch(chosen, rng)
        known = ~torch.isnan(wanted) * column
        logits = model(ids, seen)
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, torch.nan_to_num(wanted), reduction="none"
        )
        loss = (each * known).sum() / known.sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(thin, 1.0)
        optimiser.step()
        schedule.step()
        told += (loss.item() - told) * max(0.01, 1 / number)
        if number % 100 == 0:
            print(f"step {number}: loss {told:.4f}", flush=True)


def go_on(
    model: Adapted, start: _adapters.Adapters, texts: Texts, chance: Array, steps: int, courses: int
) -> None:
    """Leaves the mean of `start` and of what became of it in each course. The throw-away heads are those of
    the last one."""
    met = []
    for course in range(courses):
        model.lean(start, 1.0)
        torch.nn.init.zeros_(model.heads.weight)
        learn(model, texts, chance, steps, _RATE_ONWARD, _SEED + 1 + course)
        met.append(model.adapters())
    model.lean(start, 1.0)
    for count, each in enumerate(met, 2):
        model.lean(each, 1 / count)


def _batches(texts: Texts, chance: Array, steps: int, rng: np.random.Generator) -> list[Array]:
    """Texts of about the same length together, in an order of chance."""
    lengths = np.array([len(each) for each in texts.ids])
    batches: list[Array] = []
    while len(batches) < steps:
        pool = rng.choice(len(chance), _BATCH * _POOL, p=chance)
        pool = pool[np.argsort(lengths[pool], kind="stable")].reshape(_POOL, _BATCH)
        batches += list(pool[rng.permutation(_POOL)])
    return batches[:steps]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--base", help="the base encoder (default: the installed package)")
    parser.add_argument("--steps", type=int, default=2400, help="of 32 texts")
    parser.add_argument(
        "--without", default="", help="sources that are not learned from, with commas between"
    )
    parser.add_argument("--start", type=Path, help="adapters, or heads with adapters, to go on from (.npz)")
    parser.add_argument("--courses", type=int, default=1, help="from --start, each over rows drawn anew")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.courses < 1 or (arguments.courses > 1 and not arguments.start):
        parser.error("--courses is a number from 1 on, and more than one need --start")
    torch.set_num_threads(1)
    torch.manual_seed(1)
    without = set(filter(None, arguments.without.split(",")))
    known = [row for row in rows(arguments.data) if row.targets]
    every = [row for row in known if _learned(row) and row.source not in without]
    names = list(HEADS)
    targets = _targets(every)
    folder = base_folder(arguments.base, "--base")
    chance = chances(targets, [row.source for row in every], np.array([row.weight for row in every]))
    tokenizer = _runtime.tokenizer(folder / "tokenizer.json", "--base")
    shape = msgspec.json.decode((folder / "config.json").read_bytes(), type=_bert.Shape)
    weights = _safetensors.read(folder / "model.safetensors")
    texts = Texts([_ids(tokenizer, row.text) for row in track(every, "tokens")], targets)
    print(f"{len(every)} texts, {np.mean([len(each) for each in texts.ids]):.0f} tokens each", flush=True)
    model = Adapted(shape, weights, len(names))
    if arguments.start:
        with np.load(arguments.start) as held:
            earlier = model.widened(_adapters.adapters(held))
        go_on(model, earlier, texts, chance, arguments.steps, arguments.courses)
    else:
        learn(model, texts, chance, arguments.steps)
    harmless = [row for row in known if row.source == "benign_traffic" and held_out(row.cluster)]
    judge(model, tokenizer, [row for row in known if row.source in without], harmless)
    made: dict[str, Any] = _adapters.arrays(model.adapters())
    np.savez(arguments.out, **made)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.2f} MB")


def judge(model: Adapted, tokenizer: Any, unseen: Sequence[Row], harmless: Sequence[Row]) -> None:
    """Prints the AUC for abuse of each source, up to a thousand rows, by the throw-away heads; where a
    source calls other things bad too, also that of what counts fully. One without anything harmless is laid
    beside everyday prompts."""
    rng = np.random.default_rng(1)
    for source in sorted({row.source for row in unseen}):
        of = [row for row in unseen if row.source == source and "toxic" in row.targets]
        of = [of[index] for index in rng.permutation(len(of))[:_JUDGED]]
        if all(row.targets["toxic"] for row in of):
            of += harmless[:_JUDGED]
        texts = Texts([_ids(tokenizer, row.text) for row in of], _targets(of))
        order = np.argsort([len(each) for each in texts.ids], kind="stable")
        scores = np.zeros(len(of))
        for first in range(0, len(of), _BATCH):
            chosen = order[first : first + _BATCH]
            with torch.inference_mode():
                scores[chosen] = model(*texts.batch(chosen, rng, hidden=0.0)[:2])[:, 0].numpy()
        truth = texts.targets[:, 0]
        clear = np.array([row.weight >= 1.0 for row in of]) | (truth == 0)
        fully = (
            ""
            if clear.all() or not truth[clear].any()
            else f", {auc(truth[clear], scores[clear]):.3f} of what counts fully"
        )
        print(f"{source}: {len(of)} texts, AUC {auc(truth, scores):.3f}{fully}", flush=True)


def _learned(row: Row) -> bool:
    return not held_out(row.cluster) and not calibrates(row.cluster)


def _targets(of: Sequence[Row]) -> Array:
    return np.array([[row.targets.get(name, np.nan) for name in HEADS] for row in of], np.float32)


def chances(targets: Array, sources: Sequence[str], own: Array) -> Array:
    """How likely each row is drawn: as much as it weighs for all heads together, within bounds."""
    weights = balanced(targets, sources, own)
    weights[:, 0] *= _FIRST
    total = weights.sum(1)
    total = np.minimum(total / total.mean(), _MOST)
    share: Array = total / total.sum()
    return share


def _ids(tokenizer: Any, text: str) -> Array:
    ids = tokenizer.encode(text[: LONGEST * 12]).ids
    return np.array(ids if len(ids) <= LONGEST else [*ids[: LONGEST - 1], ids[-1]])


if __name__ == "__main__":
    main()
