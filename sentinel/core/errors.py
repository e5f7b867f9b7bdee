"""The errors that a caller of Sentinel's code branches on.

SentinelError
├── ConfigError     the user wrote something wrong: names file, line and key, and what to write instead
├── WireError       a message that its adapter cannot read: names the method and the field
├── SpoolFull       the spool is at its bound and the configured choice is to reject calls
└── StoreError      the store refused; `retryable` tells a passing fault from a permanent one

Messages never hold text of an exchange.
"""

from __future__ import annotations


class SentinelError(Exception):
    """Root of the tree."""


class ConfigError(SentinelError):
    """A mistake in the user's configuration or rules.

    `file` and `line` (1-based, 0 when unknown) say where, `key` the dotted path of the key.
    """

    def __init__(self, message: str, *, file: str = "", line: int = 0, key: str = "") -> None:
        self.message, self.file, self.line, self.key = message, file, line, key
        place = f"{file}:{line}" if file and line else file
        super().__init__(": ".join(bit for bit in (place, key, message) if bit))


class ConfigErrors(ConfigError):
    """Every mistake of a set of files at once, one a line."""

    def __init__(self, errors: list[ConfigError]) -> None:
        self.errors = errors
        super().__init__("\n".join(str(error) for error in errors))


class WireError(SentinelError):
    """A message that cannot be read as what its method says it is."""


class SpoolFull(SentinelError):
    """No room for another record, and the config says to reject calls then."""


class StoreError(SentinelError):
    """The store refused a query or an insert."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        self.retryable = retryable
        super().__init__(message)
