"""In which form this machine's processor multiplies eight-bit weights quickly, and without a mistake."""

from __future__ import annotations

import re
from pathlib import Path

from sentinel.models._bert import Stored

_CPUINFO = Path("/proc/cpuinfo")
_FLAGS = re.compile(r"^flags\s*:(.*)$", re.MULTILINE)
# What onnxruntime asks for before it uses its kernels with VNNI.
_WIDE_SUMS = (frozenset(("avx512_vnni", "avx512bw", "avx512dq", "avx512vl")), frozenset(("avx2", "avx_vnni")))


def stored(cpuinfo: Path = _CPUINFO) -> Stored:
    """`int8` where the processor has VNNI, which onnxruntime's kernels for signed weights are written for:
    twice as quick. Others of its kind add pairs of products in 16 bits and cut the largest off, so `uint8`
    for all that is not known."""
    try:
        told = _FLAGS.search(cpuinfo.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return "uint8"
    flags = set(told.group(1).split()) if told else set()
    return "int8" if any(wanted <= flags for wanted in _WIDE_SUMS) else "uint8"
