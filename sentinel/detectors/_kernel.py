"""The compiled kernel, `kernel/`, where a C compiler built it with the package."""

from __future__ import annotations

import ctypes
from ctypes import c_int32 as _int
from ctypes import c_void_p as _at
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(__file__).with_name("kernel")

_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "sentinel_built_of": (ctypes.c_uint32, ()),
    "sentinel_hints": (_int, (_at, ctypes.c_char_p, _int)),
    "sentinel_read": (None, (_at, ctypes.c_char_p, _int, _at)),
    "sentinel_rows": (None, (_at, ctypes.c_char_p, _at, _int, _at)),
    "sentinel_hashed": (None, (_at, _int, _int, _at, _at, _int, _at)),
    "sentinel_hashed_shares": (None, (_at, _int, _at, _int, _int, _at, _int, _at)),
    "sentinel_network": (_int, (_at, _at, _at, _int, _at)),
    "sentinel_shares": (_int, (_at, _at, _int, _at, _int, _at)),
    "sentinel_tokens": (_int, (_at, ctypes.c_char_p, _int, _at, _at)),
    "sentinel_learn": (
        _int,
        (_at, _at, ctypes.c_char_p, _at, _int, _at, ctypes.c_char_p, _int, _int, _at),
    ),
    "sentinel_prompt": (_int, (_at, _at, ctypes.c_char_p, _int, _at, _at, _at)),
    "sentinel_language": (_int, (_at, _int, _at, _int, _at)),
}


def _loaded() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(str(FOLDER / "libkernel.so"))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError):  # not built, for another kind of machine, or of an older source
        return None
    # Of other sources it might read what is not there. A build by hand, with a sanitizer say, tells 0.
    return library if library.sentinel_built_of() in (0, checksum()) else None


def checksum() -> int:
    """Of the sources."""
    return crc32(b"".join(source.read_bytes() for source in sorted(FOLDER.glob("*.[ch]"))))


LIBRARY = _loaded()
"""None where it was not built, or of other sources than those that are here."""


def at(array: NDArray[Any]) -> int:
    """The address of a contiguous, writable array that is not empty."""
    return ctypes.addressof(ctypes.c_char.from_buffer(array.data))
