"""docs/models.md says what the code says."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest
import yaml

from sentinel.config import SentinelConfig
from sentinel.detectors.registry import DetectorsConfig
from sentinel.models import registry
from sentinel.models.base import Passage
from sentinel.models.config import ModelConfig

DOC = (Path(__file__).resolve().parents[1] / "docs" / "models.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
(CODE,) = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)
IMPORTS = """
from collections.abc import Sequence
from pathlib import Path
from pydantic import BaseModel
from sentinel.core.finding import Finding, Inspection
from sentinel.models.base import Passage
"""


@pytest.fixture(autouse=True)
def my_models(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("my_models")
    exec(IMPORTS + CODE, module.__dict__)
    monkeypatch.setitem(sys.modules, "my_models", module)


@pytest.mark.parametrize("block", BLOCKS)
def test_settings_are_correct(block: str) -> None:
    value = yaml.safe_load(block)
    for described in value["models"]["detectors"].values():
        module = registry.KINDS.get(described["kind"], ("",))[0].partition(":")[0]
        if module:
            pytest.importorskip(module)
    SentinelConfig.model_validate(value)


def test_the_model_of_ones_own_works(tmp_path: Path) -> None:
    entry = yaml.safe_load(BLOCKS[-1])["models"]["detectors"]["shouting"]
    model = registry.make("shouting", ModelConfig.model_validate(entry).settings, tmp_path, DetectorsConfig())
    model.load()
    quiet, loud = model.infer([Passage("quiet please"), Passage("QUIET PLEASE, EVERYBODY HERE")])
    assert (len(quiet.findings), [finding.type for finding in loud.findings]) == (0, ["SHOUTING"])


def test_every_key_is_told_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+|none) \|", DOC, re.MULTILINE))
    fields = {name: field for name, field in ModelConfig.model_fields.items() if name != "settings"}
    assert rows == {
        name: "none" if field.default is None else f"{field.default:g}" for name, field in fields.items()
    }


def test_every_kind_is_told() -> None:
    kinds = set(re.findall(r"^\| `(\w+)` \| [^|]+ \| `sentinel-sidecar", DOC, re.MULTILINE))
    assert kinds == set(registry.KINDS)
