"""What the benchmarks of whole calls share."""

from __future__ import annotations

from bench.calls import HEAD, Pair, cases, median
from bench.programs import Load


def test_quick_cases_are_the_middle_and_a_finding() -> None:
    sizes = {"200 B": 200, "2 KB": 2_000}
    told = [(name, len(text), flying) for name, text, flying in cases(sizes, (1, 16), quick=False)]
    assert told == [
        *(("200 B", 200, 1), ("200 B", 200, 16), ("2 KB", 2_000, 1), ("2 KB", 2_000, 16)),
        ("2 KB, one e-mail redacted", 2_000, 16),
    ]
    quick = list(cases(sizes, (1, 16), quick=True))
    assert [name for name, _, _ in quick] == ["2 KB", "2 KB, one e-mail redacted"]
    assert "@" in quick[1][1] and "@" not in quick[0][1]


def test_a_row() -> None:
    bare = median([Load(100, 1, 2), Load(300, 3, 2), Load(200, 2, 9)])
    assert bare == Load(200, 2, 2)
    cells = Pair("2 KB", 16, bare, Load(150, 2.5, 4)).cells
    assert cells == ["2 KB", "16", "200", "150", "0.75", "+0.50 ms", "+2.00 ms"]
    assert len(cells) == len(HEAD)
