"""Names of finding types, and names in rules: exact, or globs with * and ? (and [..] as the shell has it),
case-sensitive."""

from __future__ import annotations

import fnmatch
import re

FINDING_TYPE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_WILD = re.compile(r"[*?\[]")


class Names:
    """A set of names and globs. `"x" in names` costs one look-up when no glob is among them."""

    __slots__ = ("_exact", "_glob", "patterns")

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self.patterns = patterns
        self._exact = frozenset(name for name in patterns if not _WILD.search(name))
        globs = [fnmatch.translate(name) for name in patterns if _WILD.search(name) and name != "*"]
        self._glob = re.compile("|".join(globs)).match if globs else None
        if "*" in patterns:
            self._glob = re.compile("").match

    def __contains__(self, name: str) -> bool:
        return name in self._exact or (self._glob is not None and self._glob(name) is not None)

    @property
    def all(self) -> bool:
        return "*" in self.patterns

    def __repr__(self) -> str:
        return f"Names({self.patterns!r})"
