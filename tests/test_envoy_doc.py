"""docs/envoy.md says what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.cli.envoy_config import ext_proc_filter
from sentinel.config import SentinelConfig

DOC = (Path(__file__).resolve().parents[1] / "docs" / "envoy.md").read_text("utf-8")
BLOCKS: list[dict[str, Any]] = [
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
]
FILTER: dict[str, Any] = ext_proc_filter()["typed_config"]


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = [block for block in BLOCKS if block.get("kind") == kind]
    return found


@pytest.mark.parametrize("value", [block for block in BLOCKS if "kind" not in block])
def test_settings_are_correct(value: object) -> None:
    SentinelConfig.model_validate(value)


def test_istio_gets_the_filter_that_the_command_writes() -> None:
    (patch,) = of_kind("EnvoyFilter")["spec"]["configPatches"]
    value = patch["patch"]["value"]["typed_config"]
    assert value.pop("grpc_service")["envoy_grpc"]["cluster_name"].startswith("outbound|")
    assert value == {key: FILTER[key] for key in FILTER if key != "grpc_service"}


def test_envoy_gateway_gets_the_same() -> None:
    (processor,) = of_kind("EnvoyExtensionPolicy")["spec"]["extProc"]
    assert processor["failOpen"] is FILTER["failure_mode_allow"]
    assert processor["messageTimeout"] == FILTER["message_timeout"]
    for half in ("request", "response"):
        told = processor["processingMode"][half]
        mode = FILTER["processing_mode"][f"{half}_body_mode"]
        assert told["body"] == "".join(word.capitalize() for word in mode.split("_"))
        assert told["attributes"] == FILTER[f"{half}_attributes"]


def test_the_table_names_the_settings() -> None:
    rows = re.findall(r"^\| (`.*?) \| ", DOC, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)", row)}
    assert set(FILTER) - {"@type", "grpc_service"} <= named
    assert set(FILTER["processing_mode"]) <= named
