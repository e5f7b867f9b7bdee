"""The one place where a matched value turns into something that may be kept: a keyed hash (HMAC-SHA-256).

The value is canonicalised first, so that the same identifier written in two ways is one value: Unicode NFKC,
case folded, without separators. `erase --subject` and pseudonym look-ups canonicalise the same way.
"""

from __future__ import annotations

import hmac
import unicodedata

import msgspec

_SEPARATORS = str.maketrans("", "", " \t\r\n-.()/\u200b\u200c\u200d\u2060\ufeff")


def canonical(value: str) -> str:
    """One spelling for one value: `4111-1111 1111 1111` and `4111111111111111` agree."""
    if value.isascii():
        return value.translate(_SEPARATORS).casefold()
    return unicodedata.normalize("NFKC", value).translate(_SEPARATORS).casefold()


class Redactor(msgspec.Struct, frozen=True):
    """Hashes values with the current key. `key_id` travels with each hash, so that keys can be rotated."""

    key: bytes
    key_id: str

    def hash(self, value: str) -> str:
        """`<key id>:<32 hexadecimal digits>` of the canonical value (128 bits of the HMAC)."""
        digest = hmac.digest(self.key, canonical(value).encode("utf-8", "surrogatepass"), "sha256")
        return f"{self.key_id}:{digest[:16].hex()}"
