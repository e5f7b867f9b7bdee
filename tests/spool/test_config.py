from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sentinel.spool.config import SpoolConfig


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"sync": "never"}, "sync"),
        ({"max_bytes": 1000}, "max_bytes"),
        ({"on_full": "block"}, "on_full"),
        ({"segment_seconds": 0}, "segment_seconds"),
        ({"max_bytes": 16 << 20}, "at most a quarter of max_bytes"),
        ({"size": 1}, "size"),
    ],
)
def test_a_mistake_names_its_key(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        SpoolConfig(**fields)


def test_the_defaults_hold() -> None:
    assert SpoolConfig().on_full == "reject"
