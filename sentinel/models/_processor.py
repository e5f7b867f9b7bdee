"""In which form this machine's processor multiplies eight-bit weights quickly, and without a mistake."""

from __future__ import annotations

import re
from pathlib import Path

from sentinel.models._bert import Stored

_CPUINFO = Path("/proc/cpuinfo")
_SUMS_WIDE = re.compile(r"^flags\s*:.*\s(?:avx512_vnni|avx_vnni)(?:\s|$)", re.MULTILINE)


def stored(cpuinfo: Path = _CPUINFO) -> Stored:
    """`int8` where the processor has VNNI, which onnxruntime's kernels for signed weights are written for:
    twice as quick. Elsewhere they add pairs of products in 16 bits and cut the largest off, so `uint8`."""
    try:
        told = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "uint8"
    return "int8" if _SUMS_WIDE.search(told) else "uint8"
