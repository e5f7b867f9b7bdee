"""A fault of ours while a message was in our hands."""

from __future__ import annotations

import logging
import traceback

log = logging.getLogger("sentinel.proxy")


def fault(method: str, error: Exception, exchange_id: str = "") -> str:
    """Logs the fault and returns what the caller is told. Neither has the error's own words: they may quote
    the exchange."""
    kind = type(error).__name__
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s: %s%s\n%s", method, kind, f" in exchange {exchange_id}" if exchange_id else "", where)
    told = f"{kind}, {exchange_id}" if exchange_id else kind
    return f"Sentinel failed and kept the message back ({told})"
