"""docs/models.md says what the code says."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest
import yaml

from sentinel.cli.config_reference import kind_reference
from sentinel.config import SentinelConfig
from sentinel.core.needs import everything
from sentinel.detectors.base import by_form
from sentinel.detectors.registry import DETECTORS, READERS, DetectorsConfig, load_detectors
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
    SentinelConfig.model_validate(yaml.safe_load(block))


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


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_kind_has_its_keys_and_an_example(kind: str) -> None:
    section = re.search(rf"^### {kind}\n(.*?)^##", DOC, re.DOTALL | re.MULTILINE)
    assert section, kind
    table = re.search(rf"<!-- kind:{kind}:begin -->\n(.*?)<!-- kind:{kind}:end -->", section[1], re.DOTALL)
    assert table and table[1].strip() == kind_reference(kind), "run `make docs`"
    (example,) = re.findall(r"```yaml\n(.*?)```", section[1], re.DOTALL)
    (entry,) = yaml.safe_load(example)["models"]["detectors"].values()
    assert entry["kind"] == kind


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_key_of_a_kind_has_a_meaning(kind: str) -> None:
    assert all(not line.endswith("|  |") for line in kind_reference(kind).splitlines())


def test_what_a_model_behind_a_small_detector_is_asked_and_replaces(tmp_path: Path) -> None:
    section = DOC[DOC.index("## Behind a small detector") : DOC.index("## Answers, sentence by sentence")]
    rows: dict[str, tuple[str, str]] = {}
    for row in re.findall(r"^\| `.*", section, re.MULTILINE):
        names, asked, _, stays = row.strip("| ").split(" | ")
        rows |= dict.fromkeys(re.findall(r"`(\w+)`", names), (asked, stays))
    assert rows.keys() == {*DETECTORS, *READERS}
    config = DetectorsConfig()
    for name, (asked, stays) in rows.items():
        settings = getattr(config, name)
        if hasattr(settings, "unsure_from"):
            (reader,) = load_detectors(config, [name], tmp_path).view(everything([name])).others
            assert f"scores from {settings.unsure_from:g} to {settings.unsure_to:g}" in asked
            assert frozenset(re.findall(r"`(\w+)`", stays)) == by_form(reader)
        else:
            assert "scores" not in asked
