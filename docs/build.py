"""Fills the generated parts of README.md and docs/*.md: the configuration reference, the keys of each kind
of models and the last benchmark tables. `make docs`
"""

from __future__ import annotations

import re
from pathlib import Path

from sentinel.cli.config_reference import kind_reference, reference
from sentinel.models.registry import KINDS

ROOT = Path(__file__).resolve().parents[1]


def filled(text: str, name: str, content: str) -> str:
    """`text` with `content` between the markers of `name`."""
    pattern = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
    return pattern.sub(lambda match: f"{match[1]}{content.strip()}\n{match[2]}", text)


def main() -> None:
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = filled(page.read_text(), "config", reference())
        for kind in KINDS:
            text = filled(text, f"kind:{kind}", kind_reference(kind))
        for result in sorted((ROOT / "bench" / "out").glob("*.md")):
            text = filled(text, f"bench:{result.stem}", result.read_text())
        page.write_text(text)


if __name__ == "__main__":
    main()
