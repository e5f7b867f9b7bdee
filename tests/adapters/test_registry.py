from __future__ import annotations

import pytest
from pydantic import ValidationError

from sentinel.adapters.registry import ADAPTERS, AdaptersConfig, load_adapters


def test_every_adapter_loads_and_bears_its_name() -> None:
    assert [adapter.name for adapter in load_adapters(AdaptersConfig())] == list(ADAPTERS)


def test_every_adapter_has_settings() -> None:
    assert set(AdaptersConfig.model_fields) == set(ADAPTERS)


def test_no_two_adapters_claim_a_method() -> None:
    methods = [method for adapter in load_adapters(AdaptersConfig()) for method in adapter.methods]
    assert len(methods) == len(set(methods))
    assert all(method.startswith("/") and method.count("/") >= 2 for method in methods)


def test_an_unknown_adapter_is_refused() -> None:
    with pytest.raises(ValidationError, match="carrier_pigeon"):
        AdaptersConfig.model_validate({"carrier_pigeon": {}})
