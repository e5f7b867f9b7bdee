from __future__ import annotations

import pytest

from sentinel.guard.screener import Screener
from tests.proxy.http_house import screener

RULES = """
rules:
  - id: no-mail
    stage: both
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: block
    message: No mail addresses, please.
  - id: hide-address
    stage: both
    detect: {detector: pii, type: IP_ADDRESS}
    action: redact
    operator: replace
"""
PSEUDONYMS = """
rules:
  - id: mail
    stage: input
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: redact
    operator: pseudonymise
"""
LENIENT = RULES.replace("action: block", "action: flag").replace(
    "action: redact\n    operator: replace", "action: flag"
)


@pytest.fixture(scope="session")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Screener:
    """Rules that block and redact, and so refuse what they cannot read."""
    return screener(tmp_path_factory.mktemp("strict"), tmp_path_factory.getbasetemp() / "cache", RULES)


@pytest.fixture(scope="session")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Screener:
    """Rules that only flag."""
    return screener(tmp_path_factory.mktemp("lenient"), tmp_path_factory.getbasetemp() / "cache", LENIENT)


@pytest.fixture(scope="session")
def discreet(tmp_path_factory: pytest.TempPathFactory) -> Screener:
    """A rule that keeps addresses from the model, and puts them back."""
    return screener(tmp_path_factory.mktemp("discreet"), tmp_path_factory.getbasetemp() / "cache", PSEUDONYMS)


@pytest.fixture(scope="session")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Screener:
    """A rule that waits for 200 ms, and then blocks."""
    rules = RULES.replace("operator: replace", "max_hold_ms: 200\n    on_stall: block")
    return screener(tmp_path_factory.mktemp("hasty"), tmp_path_factory.getbasetemp() / "cache", rules)
