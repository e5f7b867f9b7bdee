from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from sentinel.core.errors import ConfigError
from sentinel.detectors import _recognizers
from sentinel.detectors._recognizers import Catalogue, load_catalogue


def test_takes_what_presidio_has(catalogue: Catalogue) -> None:
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer
    from presidio_analyzer.recognizer_registry import RecognizerRegistry

    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"])
    expected = {r.name for r in registry.recognizers if not isinstance(r, SpacyRecognizer)}
    assert {r.name for r in catalogue.recognizers if r.enabled} == expected
    assert len(catalogue.recognizers) > 80
    assert catalogue.version == importlib.metadata.version("presidio-analyzer")


def test_second_load_reads_the_cache(
    cache_dir: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_recognizers, "_run_extraction", lambda: pytest.fail("extracted again"))
    assert load_catalogue(cache_dir) == catalogue


def test_damaged_cache_is_made_again(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (good,) = cache_dir.glob("presidio-*.json")
    payload = good.read_bytes()[32:]
    monkeypatch.setattr(_recognizers, "_run_extraction", lambda: payload)
    for damage in (b"", b"x" * 100, good.read_bytes()[:-5]):
        (tmp_path / good.name).write_bytes(damage)
        assert load_catalogue(tmp_path).recognizers
        assert (tmp_path / good.name).read_bytes() == good.read_bytes()


def test_without_presidio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    with pytest.raises(ConfigError, match="pip install presidio-analyzer"):
        load_catalogue(tmp_path)


def test_extraction_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_recognizers.sys, "executable", "/bin/false")
    with pytest.raises(ConfigError, match="could not be read"):
        load_catalogue(tmp_path)


def test_something_else_than_expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_recognizers, "_run_extraction", lambda: b"{}")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_catalogue(tmp_path)
