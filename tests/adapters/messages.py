"""What holds for whole messages of every protocol: an edit lands in one place, and nothing is unread."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from sentinel.adapters.base import Decoded
from sentinel.core.errors import WireError

MARK = "zz 4111 1111 @ zz"
NEWS: list[Any] = [MARK, [MARK], {"x": MARK}, {MARK: 1}, {"new": [{"deep": MARK}]}]
Decode = Callable[[bytes], Decoded]


def places(value: Any, skip: frozenset[str], path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a value in an object, but for members in `skip`."""
    listed = enumerate(value) if isinstance(value, list) else ()
    for name, member in value.items() if isinstance(value, dict) else listed:
        if name not in skip:
            yield (*path, name)
            yield from places(member, skip, (*path, name))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with `new` at the place."""
    edited = copy.deepcopy(value)
    at = edited
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = new
    return edited


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def check_nothing_is_unread(decode: Decode, message: Any, skip: frozenset[str] = frozenset()) -> int:
    """Put a text into every place, and a new member into every object: it is a part, and an edit removes it.
    Returns how many of them were decoded."""
    edits = [(path, new) for path in places(message, skip) for new in NEWS]
    objects = [(), *(path for path in places(message, skip) if isinstance(at(message, path), dict))]
    edits += [((*path, name), MARK) for path in objects for name in ("news", "two words")]
    decoded = 0
    for path, new in edits:
        data = json.dumps(put(message, path, new)).encode()
        try:
            parts = decode(data)
        except WireError:
            continue
        decoded += 1
        texts = [part.text for part in parts.parts]
        assert any(MARK in text for text in texts), path
        assert all(MARK not in part.path for part in parts.parts)
        assert MARK.encode() not in parts.encode([text.replace(MARK, "") for text in texts]), path
    return decoded


def check_edits(decode: Decode, message: Any) -> None:
    """The same texts give the same bytes; another text changes itself and nothing else."""
    for ascii_only in (True, False):
        data = json.dumps(message, ensure_ascii=ascii_only, indent=1).encode()
        decoded = decode(data)
        texts = [part.text for part in decoded.parts]
        assert decoded.encode(texts) == data
        for index, part in enumerate(decoded.parts):
            new = 'edited \\"é\\" 😀' if part.text[:1] in ("{", "[") else 'edited "é" \n😀'
            if part.text[:1] == "{":
                new = f'{{"k": "{new}"}}'
            edited = decode(decoded.encode([*texts[:index], new, *texts[index + 1 :]]))
            assert [other.text for other in edited.parts] == [*texts[:index], new, *texts[index + 1 :]]
            assert [other.path for other in edited.parts] == [other.path for other in decoded.parts]
