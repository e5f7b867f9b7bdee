"""Fixtures that several parts share."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

from tests.store.owner import OwnerProcess

# A test that is slow on a busy machine has not failed.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def store_owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnerProcess]:
    """One embedded engine for the whole run, in a process of its own; tests keep apart by `database`."""
    with OwnerProcess(tmp_path_factory.mktemp("store-owner")) as owner:
        yield owner
