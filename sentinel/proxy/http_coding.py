"""Content codings (RFC 9110, section 8.4.1) undone within a bound: a kilobyte can unpack to gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import brotli

from sentinel.core.errors import WireError
from sentinel.proxy.http_headers import Headers, values

_PIECE = 256 * 1024
_MAX_CODINGS = 3
_BROKEN = "the body is not what its Content-Encoding says"


class UnknownCoding(WireError):
    """A coding that we cannot undo."""


class TooLarge(WireError):
    """More bytes than the bound, once unpacked."""


def codings(headers: Headers) -> list[str]:
    """The codings in the order in which they were applied. Raises UnknownCoding."""
    told = [
        token.strip().lower() for value in values(headers, b"content-encoding") for token in value.split(",")
    ]
    found = [token for token in told if token not in ("", "identity")]
    if len(found) > _MAX_CODINGS or any(token not in _DECODERS for token in found):
        raise UnknownCoding(f"Content-Encoding: only {', '.join(_DECODERS)} can be read")
    return found


def readable(accept_encoding: Sequence[str]) -> str:
    """An Accept-Encoding that lets the model server choose only what we can read."""
    asked = [token.strip() for value in accept_encoding for token in value.split(",")]
    kept = [token for token in asked if token.partition(";")[0].strip().lower() in (*_DECODERS, "identity")]
    return ", ".join(kept) or "identity"


class Decoder(Protocol):
    """One coding. `feed` yields pieces of at most some 256 KiB; `finish` raises WireError when the end is
    missing."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...

    def finish(self) -> None: ...


class Unpacker:
    """Undoes `names` (as `codings` gives them), the last one first; also of a body that comes in pieces."""

    def __init__(self, names: Sequence[str]) -> None:
        self._decoders = [_DECODERS[name]() for name in reversed(names)]

    def feed(self, data: bytes) -> Iterator[bytes]:
        return self._through(data, self._decoders)

    def finish(self) -> None:
        """Raises WireError when the body ended too soon."""
        for decoder in self._decoders:
            decoder.finish()

    def _through(self, data: bytes, decoders: Sequence[Decoder]) -> Iterator[bytes]:
        if not decoders:
            yield data
            return
        for piece in decoders[0].feed(data):
            yield from self._through(piece, decoders[1:])


def unpacked(data: bytes, names: Sequence[str], limit: int) -> bytes:
    """The whole body. Raises TooLarge beyond `limit` bytes, WireError when it is broken."""
    unpacker = Unpacker(names)
    pieces, size = [], 0
    for piece in unpacker.feed(data):
        size += len(piece)
        if size > limit:
            raise TooLarge(f"the body is larger than {limit} bytes once it is unpacked")
        pieces.append(piece)
    unpacker.finish()
    return b"".join(pieces)


class _Zlib:
    """gzip (several members too), or deflate with zlib's header or, as some senders mean it, without."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._inner: Any = None
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._inner is None:
            data = self._kept + data
            if len(data) < 2:  # the header's two bytes tell which it is
                self._kept = data
                return
            self._inner = zlib.decompressobj(self._window(data))
        try:
            yield from self._pieces(data)
        except zlib.error:
            raise WireError(_BROKEN) from None

    def finish(self) -> None:
        if self._kept and self._inner is None or self._inner is not None and not self._inner.eof:
            raise WireError(_BROKEN)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._inner.eof:
                if not data.strip(b"\0"):  # the end, or padding
                    return
                if not self._gzip:
                    raise WireError(_BROKEN)
                self._inner = zlib.decompressobj(self._window(data))
            piece = self._inner.decompress(data, _PIECE)
            if piece:
                yield piece
            if self._inner.eof:
                data = self._inner.unused_data
            else:
                data = self._inner.unconsumed_tail
                if not data and len(piece) < _PIECE:
                    return

    def _window(self, data: bytes) -> int:
        if self._gzip:
            return zlib.MAX_WBITS | 16
        with_header = data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0
        return zlib.MAX_WBITS if with_header else -zlib.MAX_WBITS


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()
        self._fed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._fed = self._fed or bool(data)
        try:
            piece = self._inner.process(data, output_buffer_limit=_PIECE)
            while piece:  # `can_accept_more_data` is true too soon
                yield piece
                piece = (
                    b"" if self._inner.is_finished() else self._inner.process(b"", output_buffer_limit=_PIECE)
                )
        except brotli.error:
            raise WireError(_BROKEN) from None

    def finish(self) -> None:
        if self._fed and not self._inner.is_finished():
            raise WireError(_BROKEN)


def _gzip() -> Decoder:
    return _Zlib(gzip=True)


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "br": _Brotli,
    "deflate": lambda: _Zlib(gzip=False),
}
