from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentinel.detectors._recognizers import Catalogue, load_catalogue
from sentinel.detectors.detector_set import DetectorSet
from sentinel.detectors.registry import DetectorsConfig, load_detectors

Load = Callable[..., DetectorSet]


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("detectors")


@pytest.fixture(scope="session")
def catalogue(cache_dir: Path) -> Catalogue:
    return load_catalogue(cache_dir)


@pytest.fixture(scope="session")
def load(cache_dir: Path) -> Load:
    """load(pii={...}, secrets={...}, names=[...]) with a cache that the session shares."""

    def make(names: tuple[str, ...] = ("pii", "secrets"), **settings: Any) -> DetectorSet:
        return load_detectors(DetectorsConfig.model_validate(settings), names, cache_dir)

    return make


@pytest.fixture(scope="session")
def detectors(load: Load) -> DetectorSet:
    """Patterns alone."""
    return load(pii={"disguises": "off", "names": {"shipped": False}})


@pytest.fixture(scope="session")
def presidio() -> Any:
    """The package's recognizers, as instances by class name."""
    import inspect

    from presidio_analyzer import PatternRecognizer, predefined_recognizers

    return {
        name: kind()
        for name, kind in inspect.getmembers(predefined_recognizers, inspect.isclass)
        if issubclass(kind, PatternRecognizer) and kind is not PatternRecognizer
    }
