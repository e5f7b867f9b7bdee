"""The figures of the direct model of `injection`: of the whole detector, with its decoders and forms, on
rows that its weights were not fitted on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeAlias

import numpy as np

from sentinel.core.background import NO_BACKGROUND
from sentinel.detectors.injection import InjectionConfig, InjectionDetector
from training import attacks_unseen
from training.attack_ploys import PLOYS, TONGUES
from training.contrast_injection import KINDS
from training.injection_fit import fit
from training.injection_rows import Array, Readings, Say
from training.written_texts import read

Table: TypeAlias = list[list[str]]

FAMILIES = (
    *("grammar/" + sort for sort in "override* jailbreak* extraction* template many_shot de es fr".split()),
    "grammar/disguise*",
    *("grammar/" + family for family in PLOYS),
    *("*/" + language for language in TONGUES),
    *("contrast/" + kind for kind in KINDS),
    "wildguard_benign",
)
SCORES = (0.3, 0.5, 0.8)


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def scores_of(detector: InjectionDetector, texts: Iterable[str]) -> Array:
    return np.array([detector.inspect(text, NO_BACKGROUND).scores[detector.name] for text in texts])


def left_out(told: Readings, groups: Sequence[str], say: Say) -> Table:
    """Per source or family (a `*` stands for the rest of the name): what the detector finds whose model was
    fitted without it, at 1 % of everyday prompts and at fixed scores; and what of the harmless it flags."""
    fixed = [f"score {least}" for least in SCORES]
    lines = [["left out", "attacks", "at 1 %", *fixed, "harmless", "at 1 %", *fixed, "everyday at 0.3"]]
    for group in groups:
        say(f"leaving out {group}")
        out = np.array([fnmatch(name, group) for name in told.groups])
        logits = fit(told, ~out).logits(told)
        usual = told.judged(logits, told.usual)
        high = np.quantile(usual, 0.99)
        line = [group]
        for label in (1, 0):
            found = told.judged(logits, out & (told.labels == label))
            shares = [(found > high).mean(), *((found >= s).mean() for s in SCORES)] if len(found) else []
            line += [str(len(found)), *map(percent, shares), *[""] * (4 - len(shares))]
        lines.append([*line, f"{(usual >= 0.3).sum()} of {len(usual)}"])
    return lines


def held_out_table(told: Readings) -> tuple[Table, float]:
    """Per group of held-out rows: what the detector flags, at 1 % of everyday prompts and at fixed scores.
    And the score at that 1 %."""
    detector = InjectionDetector(InjectionConfig(), Path())
    rows = [row for row, out in zip(told.rows, told.kept_out, strict=True) if out]
    scores = scores_of(detector, (row.text for row in rows))
    groups, labels = told.groups[told.kept_out], told.labels[told.kept_out]
    high = np.quantile(scores[told.usual[told.kept_out]], 0.99)
    fixed = [f"score {least}" for least in SCORES]
    lines = [["rows", "", "number", f"at 1 % (score {high:.2f})", *fixed]]
    for group in sorted(set(groups)):
        for label in (1, 0):
            one = scores[(groups == group) & (labels == label)]
            if len(one):
                shares = [(one > high).mean(), *((one >= least).mean() for least in SCORES)]
                kind = "attack" if label else "harmless"
                lines.append([str(group), kind, str(len(one)), *map(percent, shares)])
    return lines, float(high)


def unseen_table(high: float) -> Table:
    """What the detector finds of `attacks_unseen`, and of the texts of other writers, at a score and at the
    fixed ones."""
    detector = InjectionDetector(InjectionConfig(), Path())
    fixed = [f"score {least}" for least in SCORES]
    lines = [["sentences that no training read", "", "number", f"at 1 % (score {high:.2f})", *fixed]]
    for kind, groups, every in (
        ("attack", attacks_unseen.ATTACKS, "all"),
        ("attack", _of_other_writers(1), "other writers: all"),
        ("harmless", attacks_unseen.HARMLESS, "all"),
        ("harmless", _of_other_writers(0), "other writers: all"),
    ):
        together = [text for texts in groups.values() for text in texts]
        for group, texts in (*groups.items(), (every, together)):
            scores = scores_of(detector, texts)
            shares = [(scores > high).mean(), *((scores >= least).mean() for least in SCORES)]
            lines.append([group, kind, str(len(texts)), *map(percent, shares)])
    return lines


def _of_other_writers(label: int) -> dict[str, Sequence[str]]:
    groups: dict[str, list[str]] = {}
    for each in read("unseen_injection"):
        if each.label == label:
            groups.setdefault(f"other writers: {each.kind.replace('_', ' ')}", []).append(each.text)
    return {**groups}
