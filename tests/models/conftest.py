"""Tiny models, made with random weights, so that the real loading code has something to load."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sentinel.models._weights import HeadSet, read_heads
from tests.models import tiny

Hub = Callable[[str, Path, str], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if importlib.util.find_spec("torch") is None:
        skip = pytest.mark.skip(reason="torch is not installed: make test-peers runs this")
        for item in items:
            if item.get_closest_marker("torch") is not None:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT that gives the labels `fine`, `rude` and `threatening`."""
    folder = tmp_path_factory.mktemp("classifier")
    return tiny.save(folder, "BertForSequenceClassification", ["fine", "rude", "threatening"])


@pytest.fixture(scope="session")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT that gives tokens the labels O, B-PER and I-PER."""
    return tiny.save(tmp_path_factory.mktemp("tagger"), "BertForTokenClassification", ["O", "B-PER", "I-PER"])


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Puts (name, folder, revision) where the offline client of the hub finds what it downloaded before."""
    from huggingface_hub import constants

    cache = tmp_path_factory.mktemp("hub")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    def put(name: str, folder: Path, revision: str) -> None:
        place, commit = cache / f"models--{name.replace('/', '--')}", "0" * 40
        shutil.copytree(folder, place / "snapshots" / commit)
        (place / "refs").mkdir()
        (place / "refs" / revision).write_text(commit)

    return put


@pytest.fixture
def quiet() -> Iterator[None]:
    """The library says much while it loads."""
    import transformers

    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    yield
    transformers.logging.set_verbosity(before)


@pytest.fixture(scope="session")
def heads_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random heads for the tiny base encoder."""
    return tiny.heads(tmp_path_factory.mktemp("heads") / "heads.npz")


@pytest.fixture(scope="session")
def tiny_heads(heads_file: Path) -> HeadSet:
    return read_heads(heads_file, "models.e.heads")
