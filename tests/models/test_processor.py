"""Which form of eight-bit weights suits which processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.models import _processor


@pytest.mark.parametrize(
    ("flags", "stored"),
    [
        ("fpu avx2 avx512f avx512dq avx512bw avx512vl avx512_vnni umip", "int8"),
        ("fpu avx2 avx_vnni", "int8"),
        ("fpu avx2 avx512f avx512dq avx512bw avx512vl", "uint8"),
        ("fpu avx2 avx512f avx512_vnni", "uint8"),
        ("fpu avx_vnni_int8", "uint8"),
    ],
)
def test_the_form_of_weights_is_the_processors(tmp_path: Path, flags: str, stored: str) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text(
        f"processor\t: 0\nmodel name\t: no avx512_vnni at all\nflags\t\t: {flags}\nbugs\t\t: spectre\n"
    )
    assert _processor.stored(told) == stored
    assert _processor.stored(tmp_path / "absent") == "uint8"
