"""The scanner's cache, and that its work grows with the text and not faster."""

from __future__ import annotations

import logging
import os
import re
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

from sentinel.detectors import _cache, _patterns
from sentinel.detectors._patterns import Expression, Scanner, Work
from sentinel.detectors._skeleton import skeleton
from sentinel.detectors.detector_set import DetectorSet

MEGABYTE = 1 << 20
EXPRESSIONS = [Expression(r"\bfoo\d+\b"), Expression(r"bar")]


def hits(scanner: Scanner, text: str) -> dict[int, list[int]]:
    return scanner.candidates(skeleton(text))


def test_second_start_reads_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Scanner(EXPRESSIONS, tmp_path)
    monkeypatch.setattr(
        "sentinel.detectors._patterns._build", lambda expressions: pytest.fail("compiled again")
    )
    assert hits(Scanner(EXPRESSIONS, tmp_path), "foo12 bar") == {0: [5], 1: [9]}


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"\0" * 500])
def test_damaged_cache_is_made_again(tmp_path: Path, damage: bytes) -> None:
    Scanner(EXPRESSIONS, tmp_path)
    (file,) = tmp_path.glob("patterns-*.bin")
    whole = file.read_bytes()
    for content in (damage, whole[:-1], whole[:100] + b"x" + whole[101:]):
        file.write_bytes(content)
        assert hits(Scanner(EXPRESSIONS, tmp_path), "foo12 bar") == {0: [5], 1: [9]}
        assert _cache.read(file) is not None


def test_sound_file_with_foreign_content_is_made_again(tmp_path: Path) -> None:
    Scanner(EXPRESSIONS, tmp_path)
    (file,) = tmp_path.glob("patterns-*.bin")
    _cache.write(file, b"not what belongs here")
    assert hits(Scanner(EXPRESSIONS, tmp_path), "bar") == {1: [3]}


def test_several_starts_at_once(tmp_path: Path) -> None:
    answers: list[dict[int, list[int]]] = []
    starts = [
        threading.Thread(target=lambda: answers.append(hits(Scanner(EXPRESSIONS, tmp_path), "bar")))
        for _ in range(6)
    ]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert answers == [{1: [3]}] * 6
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".bin", ".lock"]


def test_only_one_start_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    built: list[int] = []
    build = _patterns._build

    def counted(expressions: tuple[Expression, ...]) -> Any:
        built.append(len(expressions))
        return build(expressions)

    monkeypatch.setattr(_patterns, "_build", counted)
    caplog.set_level(logging.INFO, logger="sentinel.detectors._patterns")
    starts = [threading.Thread(target=lambda: Scanner(EXPRESSIONS, tmp_path)) for _ in range(4)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert built == [2]
    assert [record.getMessage() for record in caplog.records] == ["compiling patterns, some seconds"]


def test_old_files_of_other_patterns_are_removed(tmp_path: Path) -> None:
    old, recent = tmp_path / "patterns-old.bin", tmp_path / "patterns-recent.bin"
    old.write_bytes(b"x")
    recent.write_bytes(b"x")
    os.utime(old, (0, 0))
    Scanner(EXPRESSIONS, tmp_path)
    assert not old.exists() and recent.exists()
    assert len(list(tmp_path.glob("patterns-*.bin"))) == 2


def test_directory_that_cannot_be_written(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")
    assert hits(Scanner(EXPRESSIONS, occupied), "bar") == {1: [3]}


def test_one_scanner_in_many_threads(tmp_path: Path) -> None:
    scanner = Scanner(EXPRESSIONS, tmp_path)
    wrong: list[object] = []

    def work(number: int) -> None:
        text = "bar " * number
        for _ in range(50):
            if hits(scanner, text)[1] != [4 * i + 3 for i in range(number)]:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 50, 500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# A piece is repeated to a megabyte. Each once made some pattern's work grow with the square of the length.
@pytest.mark.parametrize(
    "piece",
    ["7", "1234567890", "a.", "a-", "@", "a@a.co ", "a-a@", "212-555-0123, ", "1 2 3 4 5 6 7 8 9 0 ", "::",
     "1::", "http://a.co/b ", "/a", "１", "the ", "e" * 64 + ".", "password=", "eyJ", ")", "x-1@b.co-", "sk-",
     "-----BEGIN PRIVATE KEY-----", "A1", "https://a:", "www.a.com/", "'", "aws"],
)  # fmt: skip
def test_work_is_linear(piece: str, detectors: DetectorSet) -> None:
    def work(size: int) -> Work:
        counted = Work()
        found = detectors.inspect((piece * (size // len(piece) + 1))[:size], work=counted)
        assert not found.failed
        return counted

    half, whole = work(MEGABYTE // 8), work(MEGABYTE)
    assert whole.characters <= 9 * half.characters + MEGABYTE  # windows grow in steps
    assert whole.windows <= 9 * half.windows + 1_000
    assert whole.characters <= 120 * MEGABYTE
    assert whole.phones <= 1000


@pytest.mark.parametrize("pattern", ["[[a]", "[a--b]", "x[a&&b]", "[a||b]", "[a~~b]", r"\[[[a]"])
def test_what_the_standard_library_warns_of_is_not_compiled_by_it(pattern: str) -> None:
    """Compiled, it would raise: warnings are errors here."""
    with pytest.raises(FutureWarning):
        re.compile(pattern)
    assert _patterns._of_standard_library(Expression(pattern)) is None


@pytest.mark.parametrize("pattern", [r"\[[a-z]+", r"a--b", r"[\[a]", r"[a-z-]&&", r"\{[a]", r"a{2}"])
def test_what_it_does_not_warn_of_is(pattern: str) -> None:
    assert _patterns._of_standard_library(Expression(pattern)) == re.compile(pattern, re.ASCII)


def test_compiling_leaves_the_treatment_of_warnings_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the whole process's: while the detectors warmed up, another thread's import could fail by it."""

    def touched(*_: object, **__: object) -> None:
        raise AssertionError

    for name in ("catch_warnings", "simplefilter", "filterwarnings", "resetwarnings"):
        monkeypatch.setattr(warnings, name, touched)
    assert _patterns._of_standard_library(Expression("[a-z]+")) is not None
