"""Several requests in one call, joined to their answers by the id that the caller gave each."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")
_MOST_ALIASES = 1024


class _Open(msgspec.Struct, Generic[T], frozen=True, gc=False):
    name: str
    model: str
    item: T


class Router(Generic[T]):
    """The open requests of a call, oldest first.

    An answer belongs to the request of its id; among several of one id to the one that asked its model, then
    to the oldest, for servers work requests off in their order. An id that nobody gave (some servers make
    their own) belongs to the oldest request, and stays with it as long as that is open.
    """

    __slots__ = ("_aliases", "_open")

    def __init__(self) -> None:
        self._open: list[_Open[T]] = []
        self._aliases: dict[str, T] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def items(self) -> list[T]:
        """What is open, oldest first."""
        return [one.item for one in self._open]

    def open(self, item: T, name: str, model: str) -> None:
        self._open.append(_Open(name, model, item))

    def clashes(self, name: str, model: str) -> bool:
        """Whether answers to one more request of that id could not be told from those to an open one."""
        return any(one.name == name and one.model == model for one in self._open)

    def find(self, name: str, model: str, *, strangers: bool) -> T | None:
        """The request that an answer belongs to. `strangers`: ids that nobody gave are possible."""
        if len(self._open) == 1:
            only = self._open[0]
            if strangers or not name or only.name == name:
                return only.item
            return None
        same = [one for one in self._open if one.name == name]
        if same:
            return next((one.item for one in same if one.model == model), same[0].item)
        if not self._open or (name and not strangers):
            return None
        if name not in self._aliases and len(self._aliases) < _MOST_ALIASES:
            self._aliases[name] = self._open[0].item
        return self._aliases.get(name, self._open[0].item)

    def close(self, item: T) -> None:
        """The request has its last answer. Closing it twice does nothing."""
        self._open = [one for one in self._open if one.item is not item]
        self._aliases = {name: kept for name, kept in self._aliases.items() if kept is not item}
