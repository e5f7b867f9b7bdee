"""The README says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from sentinel.cli.config_reference import reference
from sentinel.config import SentinelConfig

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def between(name: str) -> str:
    found = re.search(rf"<!-- {name}:begin -->\n(.*?)<!-- {name}:end -->", README, re.DOTALL)
    assert found, name
    return found[1]


def test_the_configuration_reference_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENTINEL_STATE_DIR", raising=False)
    assert between("config").strip() == reference(), "run `make docs`"


def test_configuration_examples_are_correct() -> None:
    for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL):
        value = yaml.safe_load(block)
        if "rules" in value and isinstance(value["rules"], list):
            continue  # a rule file: tests/policy loads those
        SentinelConfig.model_validate(value)


def test_the_map_of_the_house_names_every_package() -> None:
    house = README[README.index("## The house") :]
    there = {path.stem for path in (ROOT / "sentinel").iterdir() if not path.name.startswith("_")}
    assert {name for name in there if not re.search(rf"^  {name}(\.py|/) ", house, re.MULTILINE)} == set()


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(path: str) -> None:
    assert (ROOT / path).exists()
