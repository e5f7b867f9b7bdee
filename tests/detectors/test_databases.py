from __future__ import annotations

from pathlib import Path
from typing import Any

import hyperscan

from sentinel.detectors._databases import databases

GROUPS = [[(1, "a+b", 0)], [(7, "c", 0), (8, "d", int(hyperscan.HS_FLAG_CASELESS))]]


def seen(database: Any, text: bytes) -> list[int]:
    found: list[int] = []
    database.scan(text, lambda told, *_: found.append(told), 0, None, hyperscan.Scratch(database))
    return found


def test_what_is_kept_is_what_was_compiled(tmp_path: Path) -> None:
    for _ in range(2):
        first, second = databases("some", GROUPS, tmp_path)
        assert (seen(first, b"ab cD"), seen(second, b"ab cD")) == ([1], [7, 8])
    assert [path.suffix for path in sorted(tmp_path.glob("some-*"))] == [".bin", ".lock"]


def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    databases("some", GROUPS, tmp_path)
    (file,) = tmp_path.glob("some-*.bin")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"?")
    assert seen(databases("some", GROUPS, tmp_path)[0], b"aab") == [1]
    assert len(file.read_bytes()) == len(whole)


def test_other_expressions_have_a_file_of_their_own(tmp_path: Path) -> None:
    databases("some", GROUPS, tmp_path)
    assert seen(databases("some", GROUPS[1:], tmp_path)[0], b"c") == [7]
    assert len(list(tmp_path.glob("some-*.bin"))) == 2
