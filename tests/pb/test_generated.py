"""sentinel/pb is what `make proto` makes of proto/."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from sentinel.pb import ext_proc_pb2, guard_pb2, open_inference_pb2

REPO = Path(__file__).parents[2]
# Which protoc wrote it: the only thing that a newer grpcio-tools may change.
VERSION = re.compile(r"# Protobuf Python Version: .*|^    \d+,$", re.MULTILINE)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = importlib.util.spec_from_file_location("generate", REPO / "proto" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    root = tmp_path_factory.mktemp("generated")
    module.generate(root)
    folder: Path = root / "sentinel" / "pb"
    return folder


def test_the_same_files(generated: Path) -> None:
    committed = {file.name for file in (REPO / "sentinel" / "pb").glob("*_pb2.py*")}
    assert {file.name for file in generated.iterdir()} == committed


@pytest.mark.parametrize(
    "name",
    ["open_inference_pb2.py", "open_inference_pb2.pyi", "guard_pb2.py", "tgis_pb2.py", "ext_proc_pb2.py"],
)
def test_the_same_text(generated: Path, name: str) -> None:
    committed = (REPO / "sentinel" / "pb" / name).read_text()
    assert VERSION.sub("", (generated / name).read_text()) == VERSION.sub("", committed)


def test_the_services_bear_their_protocols_names() -> None:
    assert open_inference_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name == (
        "inference.GRPCInferenceService"
    )
    assert guard_pb2.DESCRIPTOR.services_by_name["GuardService"].full_name == "sentinel.v1.GuardService"
    assert ext_proc_pb2.DESCRIPTOR.services_by_name["ExternalProcessor"].full_name == (
        "envoy.service.ext_proc.v3.ExternalProcessor"
    )
