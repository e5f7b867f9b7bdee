"""Who computes for the small classifiers: the compiled kernel where the package has it, else numpy, which
says the same (`tests/detectors/test_kernel.py`) and takes several times as long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentinel.detectors._kernel import LIBRARY

if TYPE_CHECKING or LIBRARY is None:
    from sentinel.detectors._classifier_grams import Hashed, read, rows_of
    from sentinel.detectors._classifier_network import Network
else:
    from sentinel.detectors._classifier_kernel import Hashed, Network, read, rows_of

__all__ = ["Hashed", "Network", "read", "rows_of"]
