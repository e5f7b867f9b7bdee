"""Bodies of ClickHouse's HTTP interface: reading them bounded, and their encodings.

Compression is HTTP's own `Content-Encoding` (https://clickhouse.com/docs/interfaces/http).
"""

from __future__ import annotations

import gzip
import zlib
from email import message_from_bytes, policy
from email.message import EmailMessage
from importlib import import_module
from typing import Any, Protocol, cast

import lz4.frame

MAX_BODY_BYTES = 256 * 1024 * 1024


class BodyError(Exception):
    """A body that cannot be read; `status` is the HTTP status to answer."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(text)


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...


def too_large() -> BodyError:
    return BodyError(413, f"The body is larger than {MAX_BODY_BYTES} bytes: send it in smaller batches")


def read_body(stream: Readable, length: str | None, transfer_encoding: str) -> bytes:
    """The request's body, by its length or in chunks (RFC 9112 section 7.1)."""
    if "chunked" in transfer_encoding.lower():
        return _read_chunked(stream)
    size = int(length) if length and length.isdigit() else 0
    if size > MAX_BODY_BYTES:
        raise too_large()
    body = stream.read(size)
    if len(body) != size:
        raise BodyError(400, "The connection ended within the body")
    return body


def _read_chunked(stream: Readable) -> bytes:
    body = bytearray()
    while True:
        try:
            size = int(stream.readline(1024).split(b";")[0], 16)
        except ValueError:
            raise BodyError(400, "A chunk has no size") from None
        if size < 0 or len(body) + size > MAX_BODY_BYTES:
            raise too_large()
        if size == 0:
            break
        body += stream.read(size)
        stream.readline(1024)
    while stream.readline(1024).strip():  # trailers
        pass
    return bytes(body)


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def _unpack(encoding: str, data: bytes) -> bytes:
    """All of the frames that follow one another in `data`: clients compress each block by itself."""
    text = bytearray()
    while data:
        decoder = _decoder(encoding)
        text += decoder.decompress(data, MAX_BODY_BYTES + 1 - len(text))
        if len(text) > MAX_BODY_BYTES:
            raise too_large()
        if not decoder.eof:
            raise ValueError("cut short")
        data = decoder.unused_data or b""
    return bytes(text)


def _decoder(encoding: str) -> _Decoder:
    if encoding == "lz4":
        decoder: _Decoder = lz4.frame.LZ4FrameDecompressor()
    elif encoding in ("gzip", "deflate"):
        # 32: gzip or zlib by the header
        decoder = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)
    elif encoding == "zstd":
        decoder = _zstd().ZstdDecompressor()
    else:
        raise BodyError(415, f"Content-Encoding {encoding[:20]} is not known: use lz4, zstd, gzip or deflate")
    return decoder


def _zstd() -> Any:
    try:
        return import_module("compression.zstd")
    except ImportError:
        return import_module("backports.zstd")


def decode_body(body: bytes, encoding: str) -> bytes:
    """Undo a `Content-Encoding`."""
    encoding = encoding.strip().lower()
    if not body or encoding in ("", "identity"):
        return body
    try:
        return _unpack(encoding, body)
    except BodyError:
        raise
    except Exception as error:  # each library has errors of its own, zstd's derive from Exception alone
        raise BodyError(400, f"The body is not {encoding}: {type(error).__name__}") from None


def encode_answer(data: bytes, accepted: str) -> tuple[bytes, str]:
    """Compress an answer with the first encoding of ours that the client accepts: (data, encoding or "")."""
    names = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    if "lz4" in names:
        return lz4.frame.compress(data), "lz4"
    if "zstd" in names:
        return _zstd().compress(data, 1), "zstd"
    if "gzip" in names:
        return gzip.compress(data, compresslevel=1, mtime=0), "gzip"
    if "deflate" in names:
        return zlib.compress(data, 1), "deflate"
    return data, ""


def form_fields(body: bytes, content_type: str) -> dict[str, str]:
    """The text fields of a multipart form, which clients use for long queries and many parameters."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = message_from_bytes(head + body, _class=EmailMessage, policy=policy.HTTP)
    fields: dict[str, str] = {}
    for part in message.iter_parts():
        if part.get_filename():
            raise BodyError(501, "External tables are not served by the embedded store")
        name = part["Content-Disposition"].params["name"]
        fields[str(name)] = cast("bytes", part.get_payload(decode=True)).decode("utf-8")
    return fields
