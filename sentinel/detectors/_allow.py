"""Values that a user never wants reported."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from sentinel.core.errors import ConfigError

_FLAGS = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE  # as Presidio's allow_list has them


class AllowList:
    """`how`: `exact` compares whole values, `regex` searches each entry in the value. Raises ConfigError
    at `key`."""

    def __init__(self, entries: Sequence[str], how: str, key: str) -> None:
        self._values = frozenset(entries) if how == "exact" else frozenset[str]()
        self._searches = []
        for index, entry in enumerate(entries if how == "regex" else ()):
            if not entry:
                continue
            try:
                self._searches.append(regex.compile(entry, _FLAGS).search)
            except regex.error as error:
                raise ConfigError(f"not a regular expression: {error}", key=f"{key}[{index}]") from None

    def __bool__(self) -> bool:
        return bool(self._values or self._searches)

    def covers(self, value: str) -> bool:
        return value in self._values or any(search(value) for search in self._searches)
