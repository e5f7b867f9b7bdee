"""What the log and the caller learn of a fault of ours."""

from __future__ import annotations

import pytest

from sentinel.proxy.fault import fault


@pytest.mark.parametrize("exchange_id", ["", "e1"])
def test_neither_log_nor_caller_gets_the_words_of_the_error(
    caplog: pytest.LogCaptureFixture, exchange_id: str
) -> None:
    try:
        raise RuntimeError(" ".join(["about", "quokka"]))
    except RuntimeError as error:
        told = fault("/s/M", error, exchange_id)
    assert "about quokka" not in told + caplog.text
    assert "RuntimeError" in told and exchange_id in told
    assert "/s/M: RuntimeError" in caplog.text and "test_fault.py" in caplog.text
    assert ("in exchange e1" in caplog.text) == bool(exchange_id)
