"""Texts that were written one by one, for what templates cannot vary: `training/written/*.jsonl`.

Each file holds texts and what they do, its `kind`. No training reads those whose names begin with `unseen`:
they are for figures, and were written by somebody who saw neither the trainings nor the other files.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent / "written"
TOXICITY: dict[str, tuple[str, ...]] = {
    "insult": ("INSULT",),
    "threat": ("THREAT",),
    "identity": ("IDENTITY_ATTACK",),
    "identity_threat": ("IDENTITY_ATTACK", "THREAT"),
    "harassment": (),
}
"""Of each kind of abuse in `toxicity.jsonl` the finding types that it has for certain; others are none."""
INJECTION = ("override", "extraction", "jailbreak")
"""The kinds of attacks in `injection.jsonl`; all others are none."""


class Text(msgspec.Struct, frozen=True):
    """`label`: 1 for what is sought, in files whose kinds do not tell; of feelings 1 for good, -1 for ill, 0
    for neither. `lang`: ISO 639-1."""

    text: str
    kind: str
    label: int = 0
    lang: str = "en"


class Paper(msgspec.Struct, frozen=True):
    """A document with an `order` to its reader somewhere, or none."""

    text: str
    order: str

    @property
    def place(self) -> tuple[int, int]:
        """Where the order stands, as start and end; (0, 0) without any."""
        start = self.text.index(self.order)
        return (start, start + len(self.order)) if self.order else (0, 0)


def read(name: str) -> list[Text]:
    """Raises FileNotFoundError, msgspec.ValidationError."""
    return msgspec.json.Decoder(Text).decode_lines((FOLDER / f"{name}.jsonl").read_bytes())


def papers(name: str = "documents") -> list[Paper]:
    """Raises FileNotFoundError, msgspec.ValidationError."""
    return msgspec.json.Decoder(Paper).decode_lines((FOLDER / f"{name}.jsonl").read_bytes())
