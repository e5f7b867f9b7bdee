"""A segment file: 16 bytes of header, then frames. All integers are little-endian.

    offset 0   7 bytes  magic "SNTLSPL"
           7   1 byte   format version
           8   u64      nanoseconds since the Unix epoch when the segment was made
          16   frames:  u32 length | u32 crc32 | payload (length bytes)

The checksum starts from the length, so it covers the length too; an empty payload is not a frame, so a tail
of zeros (what some file systems leave after a power loss) is never read as one.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from zlib import crc32

import msgspec

MAGIC = b"SNTLSPL"
VERSION = 1
HEADER = struct.Struct("<7sBQ")
FRAME = struct.Struct("<II")
MAX_PAYLOAD = 64 << 20
"""Longest payload, in bytes. A larger length in a file is damage, not data."""

SUFFIX = ".seg"
DROPPED_SUFFIX = ".dropped"
TEMPORARY_SUFFIX = ".tmp"

_NAME = re.compile(r"(?P<writer>[A-Za-z0-9_.-]+)-(?P<seq>[0-9]{8})\.seg")


class SegmentName(msgspec.Struct, frozen=True, order=True, gc=False):
    """The two parts of `<writer id>-<seq>.seg`. `seq` counts a writer's segments from 0."""

    writer: str
    seq: int

    def __str__(self) -> str:
        return f"{self.writer}-{self.seq:08d}{SUFFIX}"


def parse_name(name: str) -> SegmentName | None:
    """The parts of a segment's file name, None for any other file."""
    match = _NAME.fullmatch(name)
    return SegmentName(match["writer"], int(match["seq"])) if match else None


def header(created_ns: int) -> bytes:
    return HEADER.pack(MAGIC, VERSION, created_ns)


def frame(payload: bytes) -> bytes:
    """One frame. `payload` holds 1 to MAX_PAYLOAD bytes."""
    length = len(payload)
    return FRAME.pack(length, crc32(payload, length)) + payload


def count_frames(path: Path) -> int:
    """How many whole frames a segment holds, by their lengths alone: for telling what was dropped."""
    data = path.read_bytes()
    offset, count, end = HEADER.size, 0, len(data)
    while offset + FRAME.size <= end:
        length = FRAME.unpack_from(data, offset)[0]
        offset += FRAME.size + length
        if not 0 < length <= MAX_PAYLOAD or offset > end:
            break
        count += 1
    return count
